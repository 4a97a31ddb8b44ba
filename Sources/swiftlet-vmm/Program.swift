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
        var arguments: [String] = []
        for index in 1..<max(1, start_argument_count()) {
            arguments.append(String(cString: start_argument(index)))
        }
        do throws(ArgumentError) {
            Machine.run(try MachineConfiguration(parsing: arguments), mainEntered: entered)
        } catch {
            Machine.refuse(error)
        }
    }
}
