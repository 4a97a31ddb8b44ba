import CLinux
import LinuxSystem
import SystemPackage

/// The file behind a job's scratch disk: sparse, without a name, gone with its last descriptor.
public final class ScratchFile: Sendable {
    private let file: OwnedDescriptor
    public let bytes: UInt64
    /// Open for reading and writing, as long as this object is.
    public var descriptor: FileDescriptor { file.borrowed }

    /// Where it may lie, best first. In memory it would defeat its purpose.
    public static func directories(environment: (String) -> String?) -> [String] {
        ((environment("TMPDIR").map { [$0] } ?? []) + ["/var/tmp"]).filter { !$0.isEmpty }
    }

    /// - Throws: what the last directory said, if none takes it.
    public init(bytes: UInt64, in directories: [String]) throws(LaunchError) {
        var failure = LaunchError.scratchDisk(directory: "/var/tmp", .noSuchFileOrDirectory)
        for directory in directories {
            do throws(Errno) {
                let file = try OwnedDescriptor(checking: directory.withCString { linux_open_scratch($0) })
                try checked(linux_ftruncate(file.borrowed.rawValue, Int64(clamping: bytes)))
                self.file = file
                self.bytes = bytes
                return
            } catch {
                failure = .scratchDisk(directory: directory, error)
            }
        }
        throw failure
    }
}
