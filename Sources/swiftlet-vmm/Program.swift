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
            let arguments = Array(CommandLine.arguments.dropFirst())
            Machine.run(try MachineConfiguration(parsing: arguments), mainEntered: entered)
        } catch {
            Machine.refuse(error)
        }
    }
}
