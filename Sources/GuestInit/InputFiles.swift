import CGuestInit
import JobWire

/// The files that the host puts into the job's tree, as the superuser. Links are followed: they lead nowhere but into this
/// guest.
struct InputFiles: ~Copyable, JobFileSink {
    private static let slash = UInt8(ascii: "/")

    private var user: UInt32 = 0
    private var group: UInt32 = 0
    /// What `write` writes to.
    private var file: Descriptor?

    mutating func begin(_ begin: HostMessage.Begin) { (user, group) = (begin.user, begin.group) }

    mutating func makeDirectory(_ path: [UInt8], mode: UInt32) throws(Errno) {
        // The directory above it is there already, in a tree that comes directory by directory.
        let above = path.lastIndex(of: Self.slash) ?? 0
        var end = try Self.isDirectory(path[..<above]) ? above : 0
        while end < path.count {
            end = path[(end + 1)...].firstIndex(of: Self.slash) ?? path.count
            let part = Path(Array(path[0..<end]))
            do throws(Errno) {
                try part.withArgument { (part) throws(Errno) in try LinuxCall.mkdir(part, 0o700) }
            } catch {
                guard error == .exists else { throw error }
                let found = try Descriptor.open(part, OpenFlags.pathOnly)
                if !(try found.status().isDirectory) { throw .notDirectory }
                continue
            }
            try part.withArgument { (part) throws(Errno) in
                try LinuxCall.lchown(part, Int(user), Int(group))
                try LinuxCall.chmod(part, Int(mode & 0o7777))
            }
        }
    }

    mutating func makeLink(_ path: [UInt8], to target: [UInt8]) throws(Errno) {
        try makeParents(of: path)
        let place = Path(path)
        try Mount.makeLink(place, to: Path(target))
        try place.withArgument { (place) throws(Errno) in
            try LinuxCall.lchown(place, Int(user), Int(group))
        }
    }

    mutating func beginFile(_ path: [UInt8], mode: UInt32) throws(Errno) {
        file = nil
        try makeParents(of: path)
        let flags = OpenFlags.writeOnly | OpenFlags.create | OpenFlags.truncate | OpenFlags.nonblocking
        let made = try Descriptor.open(
            Path(path), flags | OpenFlags.noControllingTerminal, mode: 0o600)
        if !(try made.status().isRegular) { throw .exists }
        try LinuxCall.fchown(made.number, Int(user), Int(group))
        try LinuxCall.fchmod(made.number, Int(mode & 0o7777))
        file = consume made
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) { try file?.writeAll(bytes) }

    mutating func endFile() { file = nil }

    private mutating func makeParents(of path: [UInt8]) throws(Errno) {
        guard let slash = path.lastIndex(of: Self.slash), slash > 0 else { return }
        if try Self.isDirectory(path[..<slash]) { return }
        try makeDirectory(Array(path[..<slash]), mode: 0o755)
    }

    /// - Returns: false where there is nothing, or something else; the root has no name.
    private static func isDirectory(_ path: ArraySlice<UInt8>) throws(Errno) -> Bool {
        if path.isEmpty { return true }
        do throws(Errno) {
            return try Descriptor.open(Path(Array(path)), OpenFlags.pathOnly).status().isDirectory
        } catch {
            guard error == .noSuchFile || error == .notDirectory else { throw error }
            return false
        }
    }
}
