import JobWire

/// The job's input files as they are made, by the superuser.
///
/// A tree comes directory by directory. So the way to the last one stays known, an inode for each of its names, and a path is
/// followed from where it leaves that way: a look-up for each new name, however deep it lies. Nothing on the way can have
/// become another meanwhile: no program runs while a job is read, and what is made here takes the place of nothing.
struct InputTree: JobFileSink {
    /// A directory of `last`: where its name ends there.
    private struct Step {
        let end: Int
        let inode: Inode
    }

    private static let slash = UInt8(ascii: "/")

    private let context: FileSystemContext
    private var user: UInt32 = 0
    private var group: UInt32 = 0
    /// The path that was followed last, and the directories on it.
    private var last: [UInt8] = []
    private var way: [Step] = []
    /// What `write` writes to.
    private var file: File?

    init(_ context: FileSystemContext = FileSystemContext()) { self.context = context }

    mutating func begin(_ begin: HostMessage.Begin) { (user, group) = (begin.user, begin.group) }

    mutating func makeDirectory(_ path: [UInt8], mode: UInt32) throws(Errno) {
        _ = try directory(path[...], mode: mode)
    }

    mutating func makeLink(_ path: [UInt8], to target: [UInt8]) throws(Errno) {
        let (name, directory) = try parent(of: path)
        try FileSystem.makeSymbolicLink(name, from: directory, to: target, owner: user, group: group)
    }

    mutating func beginFile(_ path: [UInt8], mode: UInt32) throws(Errno) {
        file = nil
        let (name, directory) = try parent(of: path)
        file = try FileSystem.createFile(name, from: directory, mode: mode, owner: user, group: group)
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        guard let file else { throw .invalidArgument }
        var buffer = IOBuffer(kernel: bytes)
        while buffer.remaining > 0 { _ = try file.write(&buffer, at: nil) }
    }

    mutating func endFile() { file = nil }

    /// The last name of a path, and the directory it is to be in.
    private mutating func parent(of path: [UInt8]) throws(Errno) -> (name: [UInt8], directory: Inode) {
        let slash = path.lastIndex(of: Self.slash) ?? 0
        let name = Array(path[min(slash + 1, path.count)...])
        let directory = try directory(path[..<slash], mode: 0o755)
        // A path that ends in a slash means the directory itself.
        return (name.isEmpty ? [UInt8(ascii: ".")] : name, directory)
    }

    /// The directory at `path`; what is missing of it is made.
    private mutating func directory(_ path: ArraySlice<UInt8>, mode: UInt32) throws(Errno) -> Inode {
        leaveWay(at: path)
        var start = way.last?.end ?? 0
        var directory = way.last?.inode ?? context.root
        while start < path.count {
            if path[start] == Self.slash {
                start += 1
                continue
            }
            let end = path[start...].firstIndex(of: Self.slash) ?? path.count
            directory = try step(Array(path[start..<end]), from: directory, mode: mode)
            way.append(Step(end: end, inode: directory))
            start = end
        }
        return directory
    }

    /// Drops what of the way does not lead to `path`.
    private mutating func leaveWay(at path: ArraySlice<UInt8>) {
        var common = 0
        while common < path.count, common < last.count, path[common] == last[common] { common += 1 }
        while let step = way.last {
            if step.end <= common, step.end == path.count || path[step.end] == Self.slash { break }
            way.removeLast()
        }
        last = Array(path)
    }

    private func step(_ name: [UInt8], from directory: Inode, mode: UInt32) throws(Errno) -> Inode {
        var walk = PathWalk(context, Credentials())
        let place = try walk.walk(name, from: directory, followLast: true)
        if let inode = place.inode {
            guard inode.isDirectory else { throw .notDirectory }
            return inode
        }
        let ownership = Ownership(permissions: mode & 0o7777, user: user, group: group)
        return try place.directory.create(place.name, .directory, ownership)
    }
}
