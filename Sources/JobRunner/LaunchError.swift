public import LinuxSystem
import SystemPackage

/// Why a job could not be started. Each reads as one line: what was tried, what happened, what to do.
public enum LaunchError: Error, Equatable, CustomStringConvertible {
    case kvmMissing
    case kvmDenied
    case kvm(Errno)
    case machine(path: String, Errno)
    /// The VMM could not be started in its jail; the text says where that stopped.
    case jail(String)
    case input(path: [UInt8], errno: Errno)
    case unsupportedInput(path: [UInt8], kind: String)
    case pathTooLong([UInt8])
    /// The tree of an input was changed while it was read.
    case inputChanged(path: [UInt8])
    /// More than a machine can be told. `what`: which of the job's words.
    case tooLong(what: String, bytes: Int, limit: Int)
    case tooManyOutputs(Int, limit: Int)
    case badWord(what: String, why: String)
    case output(path: [UInt8], WrittenPlace.Refusal)
    /// Nowhere is a place for the scratch disk's file.
    case scratchDisk(directory: String, Errno)
    /// The cgroup for the VMM cannot be made where it was asked for.
    case controlGroup(path: String, Errno)
    case system(doing: String, errno: Errno)

    public var description: String {
        switch self {
        case .kvmMissing:
            "/dev/kvm: no such file; load KVM (sudo modprobe kvm_amd or kvm_intel), and enable virtualization in the "
                + "BIOS or, on a cloud machine, nested virtualization"
        case .kvmDenied:
            "/dev/kvm: permission denied; add yourself to group kvm: sudo usermod -aG kvm $USER, then log in again"
        case .kvm(let errno):
            "/dev/kvm: \(errno); this machine's KVM does not work"
        case .machine(let path, let errno):
            "\(path): \(errno); build it with make build"
        case .jail(let text):
            text
        case .input(let path, let errno):
            "input file \(printable(path)): \(errno)"
        case .unsupportedInput(let path, let kind):
            "input file \(printable(path)): is a \(kind); only files, directories and links can be passed"
        case .pathTooLong(let path):
            "path too long: \(printable(Array(path.prefix(80))))…"
        case .inputChanged(let path):
            "input file \(printable(path)): became another file while the job's files were read"
        case .tooLong(let what, let bytes, let limit):
            "\(what): \(bytes) bytes; it may have \(limit)"
        case .tooManyOutputs(let count, let limit):
            "\(count) output files; a job may have \(limit)"
        case .badWord(let what, let why):
            "\(what): \(why)"
        case .output(let path, let refusal):
            "output file \(printable(path)): \(refusal)"
        case .scratchDisk(let directory, let errno):
            "--disk: no scratch file in \(directory): \(errno); it needs a disk's file system that knows O_TMPFILE "
                + "(ext4, xfs, btrfs): set TMPDIR to a folder on one"
        case .controlGroup(let path, let errno):
            "--cgroup-parent \(path): \(errno); it must be a cgroup of the memory controller's hierarchy that you may make "
                + "cgroups in and that no process lives in itself (sudo mkdir, sudo chown -R $USER)"
        case .system(let doing, let errno):
            "\(doing): \(errno)"
        }
    }
}
