import CStart
import Glibc
import LinuxSystem
import Machine

/// swiftlet-vmm with an attacker inside: the same machine, jail and filters, and a device through which the guest has either
/// thread make any system call once the locks are closed. Tests/takeover/run starts jobs with it (SWIFTLET_VMM).
///
/// Executed by a name that ends in `-unfiltered` it installs no filters: then the rest of the jail stands alone.
@main
enum Program {
    static func main() {
        let entered = monotonicNanoseconds()
        do throws(ArgumentError) {
            // SAFETY: the index is below the count; the strings live as long as the process.
            let arguments = (1..<max(1, start_argument_count())).map { String(cString: start_argument($0)) }
            let probe = MachineProbe(installsFilters: !executableName().hasSuffix("-unfiltered")) {
                Attempt.act($0)
            }
            Machine.run(try MachineConfiguration(parsing: arguments), mainEntered: entered, probe: probe)
        } catch {
            Machine.refuse(error)
        }
    }

    /// The launcher executes a descriptor, and the first argument is always the same.
    private static func executableName() -> String {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
