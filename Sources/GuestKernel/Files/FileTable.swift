/// A process's descriptors. (Owned by the files part.)
final class FileTable {
    struct Entry {
        var file: File
        var closeOnExec: Bool
    }

    private(set) var entries: [Entry?] = []

    init() {}

    func file(_ descriptor: Int32) throws(Errno) -> File {
        guard descriptor >= 0, Int(descriptor) < entries.count, let entry = entries[Int(descriptor)] else {
            throw .badDescriptor
        }
        return entry.file
    }

    /// Puts `file` at the lowest free number not below `minimum`.
    /// - Throws: `.tooManyFiles` at RLIMIT_NOFILE.
    func add(_ file: File, closeOnExec: Bool, from minimum: Int = 0, limit: Int = 1024) throws(Errno) -> Int32 {
        var i = minimum
        while i < entries.count && entries[i] != nil { i += 1 }
        guard i < limit else { throw .tooManyFiles }
        try set(i, Entry(file: file, closeOnExec: closeOnExec))
        return Int32(i)
    }

    func set(_ index: Int, _ entry: Entry?) throws(Errno) {
        while entries.count <= index { entries.append(nil) }
        entries[index] = entry
    }

    /// For fork(2): the same descriptions under the same numbers.
    func copy() -> FileTable {
        let table = FileTable()
        table.entries = entries
        return table
    }

    func closeOnExec() {
        for i in entries.indices where entries[i]?.closeOnExec == true { entries[i] = nil }
    }
}

/// A process's root, working directory and umask; shared with CLONE_FS. (Owned by the files part.)
final class FileSystemContext {
    var umask: UInt32 = 0o022

    init() {}

    func copy() -> FileSystemContext {
        let context = FileSystemContext()
        context.umask = umask
        return context
    }
}
