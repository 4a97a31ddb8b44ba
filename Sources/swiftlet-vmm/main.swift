import Glibc
import LinuxSystem
import Machine

// Runs one virtual machine from the descriptors it was started with (docs/protocol.md §1).
let entered = monotonicNanoseconds()
do throws(ArgumentError) {
    let configuration = try MachineConfiguration(parsing: Array(CommandLine.arguments.dropFirst()))
    Machine.run(configuration, mainEntered: entered)
} catch {
    Machine.refuse(error)
}
