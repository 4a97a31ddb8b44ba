import Boot
import GuestMemory
import KVM
import Sandbox
import SystemPackage
import VirtioDevices

/// Why a machine could not be built. Each becomes the event `ended(vmmError)` with its sentence.
enum MachineError: Error, CustomStringConvertible {
    case kvm(KVMError)
    case kernel(KernelImageError)
    case layout(GuestLayoutError)
    case bootPage(GuestMemoryError)
    case disk(String, FileBackendError)
    case jail(JailError)
    case system(String, Errno)
    /// Of a template: what it cannot be restored for.
    case template(String)

    var description: String {
        switch self {
        case .kvm(let error): error.description
        case .kernel(let error): error.description
        case .layout(let error): error.description
        case .bootPage(let error): "boot page: \(error)"
        case .disk(let which, let error): "\(which): \(error)"
        case .jail(let error): error.description
        case .system(let what, let error): "\(what): \(error)"
        case .template(let what): "template: \(what)"
        }
    }

    static func jailing(_ body: () throws(JailError) -> Void) throws(MachineError) {
        do throws(JailError) { try body() } catch { throw .jail(error) }
    }

    /// Runs `body`; an errno it throws becomes an error that says what was tried.
    static func naming<Result: ~Copyable>(
        _ what: String, _ body: () throws(Errno) -> Result
    ) throws(MachineError) -> Result {
        do throws(Errno) { return try body() } catch { throw .system(what, error) }
    }
}
