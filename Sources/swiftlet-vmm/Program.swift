import CStart
import LinuxSystem
import Machine

/// Runs one virtual machine from the descriptors it was started with (docs/protocol.md §1).
///
/// Not top-level code: that belongs to the main actor, and would link the concurrency runtime and start libdispatch.
@main
enum Program {
    static func main() {
        let entered = monotonicNanoseconds()
        do throws(ArgumentError) {
            // SAFETY: the index is below the count; the strings live as long as the process.
            let arguments = (1..<max(1, start_argument_count())).map { String(cString: start_argument($0)) }
            Machine.run(try MachineConfiguration(parsing: arguments), mainEntered: entered)
        } catch {
            Machine.refuse(error)
        }
    }
}
