import CLinux
import Glibc
import SystemPackage

/// Where bytes go for which a user gave a path. One rule for every path that we write:
///
///     -                              the standard output
///     nothing there, a regular file  the file appears, or is replaced, when it is whole (`PendingFile`)
///     a link                         what it points to, as for a shell's `>`
///     a device, a FIFO               is written to; a FIFO waits for its reader
///     /dev/stdout, /dev/fd/3         the open file behind it is written to, at its end
///     a directory, a socket          refused
public enum WrittenPlace: Sendable {
    /// Its path, with all links followed.
    case file([UInt8])
    case stream(OpenStream)

    /// Something that is written to and not replaced.
    public final class OpenStream: Sendable {
        private let file: OwnedDescriptor
        public var descriptor: FileDescriptor { file.borrowed }

        fileprivate init(_ file: consuming OwnedDescriptor) { self.file = file }
    }

    /// Why nothing is written there.
    public enum Refusal: Error, Equatable, CustomStringConvertible {
        case directory
        case socket
        /// What is there has become another file while it was looked at.
        case changed
        case errno(Errno)

        /// The nearest that the kernel has a number for.
        public var errno: Errno {
            switch self {
            case .directory: .isDirectory
            case .socket: .noSuchAddressOrDevice
            case .changed: .resourceTemporarilyUnavailable
            case .errno(let errno): errno
            }
        }

        public var description: String {
            switch self {
            case .directory: "is a directory"
            case .socket: "is a socket"
            case .changed: "became another file meanwhile"
            case .errno(let errno): "\(errno)"
            }
        }
    }

    /// Looks what is there, and opens it if it is to be written to.
    public init(_ path: [UInt8]) throws(Refusal) {
        if path == [UInt8(ascii: "-")] {
            let output = try Self.doing { () throws(Errno) in
                try OwnedDescriptor(checking: linux_dup_cloexec(FileDescriptor.standardOutput.rawValue, 3))
            }
            self = .stream(OpenStream(output))
            return
        }
        // The kernel follows the links first: what it does not allow in a shared folder (protected_symlinks) fails here.
        var status: PathStatus?
        do throws(Errno) {
            status = try PathStatus(of: path, followingLinks: true)
        } catch {
            if error != .noSuchFileOrDirectory { throw .errno(error) }
        }
        switch status?.kind {
        case .directory: throw .directory
        case .socket: throw .socket
        case .pipe, .characterDevice, .blockDevice:
            self = try Self.opened(path, O_WRONLY | O_NOCTTY)
        case .regular where try Self.leadsThroughOpenFile(path):
            self = try Self.opened(path, O_WRONLY | O_APPEND)
        case nil, .regular: self = .file(try Self.resolve(path, status))
        case .other: throw .errno(.invalidArgument)
        }
    }

    private static func doing<Result: ~Copyable>(
        _ body: () throws(Errno) -> Result
    ) throws(Refusal) -> Result {
        do throws(Errno) { return try body() } catch { throw .errno(error) }
    }

    private static func opened(_ path: [UInt8], _ flags: CInt) throws(Refusal) -> WrittenPlace {
        let file = try doing { () throws(Errno) in try OwnedDescriptor.open(path: path, flags: flags) }
        return .stream(OpenStream(file))
    }

    /// Such a link names an open file; the path that it shows may be another file's by now, or nobody's.
    private static func leadsThroughOpenFile(_ path: [UInt8]) throws(Refusal) -> Bool {
        try doing { () throws(Errno) in try path.withPath(linux_has_magic_link) == 1 }
    }

    /// As many as Linux follows.
    private static let mostLinks = 40

    private static func resolve(_ path: [UInt8], _ found: PathStatus?) throws(Refusal) -> [UInt8] {
        var here = path
        for _ in 0..<mostLinks {
            let (directory, name) = split(here)
            if name.isEmpty { throw .directory }
            let status: PathStatus?
            do throws(Errno) {
                status = try PathStatus(of: here, followingLinks: false)
            } catch {
                if error != .noSuchFileOrDirectory { throw .errno(error) }
                status = nil
            }
            guard let status, status.isSymbolicLink else {
                if status?.identity != found?.identity { throw .changed }
                try checkDirectory(directory)
                return here
            }
            let link = here
            let target = try doing { () throws(Errno) in try readLink(link) }
            here = target.first == slash ? target : directory + [slash] + target
        }
        throw .errno(.tooManySymbolicLinkLevels)
    }

    /// A file is to be made in it, which is to be known before it is.
    private static func checkDirectory(_ directory: [UInt8]) throws(Refusal) {
        try doing { () throws(Errno) in
            if try PathStatus(of: directory, followingLinks: true).kind != .directory { throw .notDirectory }
            _ = try directory.withPath { access($0, W_OK | X_OK) == 0 ? 0 : -errno }
        }
    }

    private static let slash = UInt8(ascii: "/")

    /// The directory part ("." if there is none) and the last component.
    public static func split(_ path: [UInt8]) -> (directory: [UInt8], name: [UInt8]) {
        guard let last = path.lastIndex(of: slash) else { return (Array(".".utf8), path) }
        return (last == 0 ? [slash] : Array(path[..<last]), Array(path[(last + 1)...]))
    }
}
