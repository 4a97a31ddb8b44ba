import CLinux
import Glibc

/// Beside what the figures mean anything.
struct MachineDescription {
    let processor: String?
    let processors: Int
    let kernel: String
    let hasVirtualization: Bool
    let memoryBytes: UInt64

    init() {
        let first = Processor()
        processor = first.model
        hasVirtualization = first.hasVirtualization
        processors = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
        memoryBytes = linux_physical_memory()
        var names = utsname()
        uname(&names)
        // SAFETY: uname(2) fills the array with a string that ends in NUL.
        kernel = withUnsafeBytes(of: &names.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    var kvm: String { hasVirtualization ? "hardware" : "ring-deprivileged" }

    var text: String {
        "\(processor ?? "unknown CPU"), \(processors) CPUs, \(memoryBytes >> 20) MiB, Linux \(kernel), KVM: \(kvm)"
    }
}
