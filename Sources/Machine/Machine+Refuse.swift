import Glibc
import SystemPackage

extension Machine {
    /// Says what is wrong with the arguments and ends the process with status 2.
    public static func refuse(_ error: ArgumentError) -> Never {
        let text = "swiftlet-vmm: \(error)\n\(MachineConfiguration.usage)"
        try? FileDescriptor.standardError.write(all: Array(text.utf8))
        _exit(2)
    }
}
