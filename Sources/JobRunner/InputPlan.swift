import Glibc
import JobWire
import LinuxSystem
import SystemPackage

/// What is to be sent for a job's input files: every directory, file and link below them, named before the launch so that
/// a mistake costs no VM. Contents are read when their turn comes.
///
/// A tree may belong to somebody who changes it meanwhile. So each is walked below its opened root, by no link
/// (`OwnedDescriptor.open(_:beneath:flags:)`), and each file is known by device and inode: what has become another one until
/// its turn is an error that names it, and never another file's bytes.
struct InputPlan {
    enum Entry: Equatable {
        case directory(mode: UInt32, guestPath: [UInt8])
        case file(Source, guestPath: [UInt8])
        case symlink(target: [UInt8], guestPath: [UInt8])
    }

    /// A file as it was found.
    struct Source: Equatable {
        /// Which of `roots` it is, or lies below.
        let root: Int
        /// Below the root; empty: the root itself.
        let path: [UInt8]
        let identity: FileKey
    }

    /// What the user named. The path is followed, as by `cp file`; links inside a directory stay links, as by `cp -a`.
    struct Root: Equatable {
        let path: [UInt8]
        let identity: FileKey
    }

    private(set) var entries: [Entry] = []
    private(set) var roots: [Root] = []

    init(_ inputs: [JobRequest.InputFile]) throws(LaunchError) {
        for input in inputs { try add(input) }
    }

    /// On the host, for messages and for opening what the user named.
    func hostPath(_ source: Source) -> [UInt8] { Self.join(roots[source.root].path, source.path) }

    static func join(_ path: [UInt8], _ below: [UInt8]) -> [UInt8] {
        if below.isEmpty || path.isEmpty { return path + below }
        return path.last == UInt8(ascii: "/") ? path + below : path + [UInt8(ascii: "/")] + below
    }

    private mutating func add(_ input: JobRequest.InputFile) throws(LaunchError) {
        let path = input.hostPath
        try Self.check(guestPath: input.guestPath)
        let status = try Self.reading(path) { () throws(Errno) in
            try PathStatus(of: path, followingLinks: true)
        }
        roots.append(Root(path: path, identity: status.identity))
        switch status.kind {
        case .regular:
            let source = Source(root: roots.count - 1, path: [], identity: status.identity)
            entries.append(.file(source, guestPath: input.guestPath))
        case .directory:
            try walk(
                Directory(
                    path: [], guestPath: input.guestPath, mode: status.mode, identity: status.identity))
        default:
            throw .unsupportedInput(path: path, kind: "device, pipe or socket")
        }
    }

    private static func check(guestPath: [UInt8]) throws(LaunchError) {
        guard guestPath.count <= WireLimit.path else { throw .pathTooLong(guestPath) }
    }

    private static func reading<Result: ~Copyable>(
        _ path: [UInt8], _ body: () throws(Errno) -> Result
    ) throws(LaunchError) -> Result {
        do throws(Errno) { return try body() } catch { throw .input(path: path, errno: error) }
    }
}

// MARK: - Walking

extension InputPlan {
    /// One that is still to be read.
    private struct Directory {
        /// Below the root; empty: the root itself.
        let path: [UInt8]
        let guestPath: [UInt8]
        let mode: UInt32
        let identity: FileKey
    }

    /// Reads the last of `roots`. What is to be read yet stands in an array and not on the stack: a tree may be as deep as a
    /// path is long, and a batch's workers have small stacks.
    private mutating func walk(_ first: Directory) throws(LaunchError) {
        let rootPath = roots[roots.count - 1].path
        let root = try Self.reading(rootPath) { () throws(Errno) in
            try OwnedDescriptor.open(path: rootPath, flags: O_RDONLY | O_DIRECTORY | O_NONBLOCK)
        }
        var pending = [first]
        var last = OpenDirectory(root: root)
        while let directory = pending.popLast() {
            entries.append(.directory(mode: directory.mode, guestPath: directory.guestPath))
            try Self.beneath(Self.join(rootPath, directory.path)) { () throws(Errno) in
                try last.move(to: directory.path)
            }
            pending += try read(directory, last.descriptor, rootPath).reversed()
        }
    }

    /// Plans what is in one directory, which is open. - Returns: the directories in it.
    private mutating func read(
        _ directory: Directory, _ open: FileDescriptor, _ rootPath: [UInt8]
    ) throws(LaunchError) -> [Directory] {
        let hostPath = Self.join(rootPath, directory.path)
        let (status, names) = try Self.reading(hostPath) { () throws(Errno) in
            (try open.status(), try listDirectory(open))
        }
        guard status.identity == directory.identity else { throw .inputChanged(path: hostPath) }
        var below: [Directory] = []
        for name in names {
            let path = Self.join(directory.path, name)
            let guestPath = directory.guestPath + [UInt8(ascii: "/")] + name
            try Self.check(guestPath: guestPath)
            let found = try Self.reading(Self.join(rootPath, path)) { () throws(Errno) in
                try PathStatus(of: name, in: open)
            }
            switch found.kind {
            case .directory:
                below.append(
                    Directory(path: path, guestPath: guestPath, mode: found.mode, identity: found.identity))
            case .regular:
                let source = Source(root: roots.count - 1, path: path, identity: found.identity)
                entries.append(.file(source, guestPath: guestPath))
            case .other where found.isSymbolicLink:
                try addLink(name, in: open, hostPath: Self.join(rootPath, path), guestPath)
            default:
                throw .unsupportedInput(path: Self.join(rootPath, path), kind: "device, pipe or socket")
            }
        }
        return below
    }

    private mutating func addLink(
        _ name: [UInt8], in directory: FileDescriptor, hostPath: [UInt8], _ guestPath: [UInt8]
    ) throws(LaunchError) {
        let target = try Self.beneath(hostPath) { () throws(Errno) in try readLink(name, in: directory) }
        // Linux makes no empty one, and none this long; a file system of somebody's own might.
        guard (1...WireLimit.path).contains(target.count) else { throw .pathTooLong(target) }
        entries.append(.symlink(target: target, guestPath: guestPath))
    }

    /// What was looked at a moment ago is of another kind now.
    private static let signsOfChange: [Errno] = [
        .tooManySymbolicLinkLevels, .notDirectory, .improperLink, .invalidArgument,
    ]

    private static func beneath<Result: ~Copyable>(
        _ path: [UInt8], _ body: () throws(Errno) -> Result
    ) throws(LaunchError) -> Result {
        do throws(Errno) {
            return try body()
        } catch {
            if signsOfChange.contains(error) { throw .inputChanged(path: path) }
            throw .input(path: path, errno: error)
        }
    }
}
