/// A process's descriptors; shared with CLONE_FILES.
final class FileTable {
    struct Entry {
        var file: File
        var closeOnExec: Bool
    }

    private(set) var entries: [Entry?] = []
    /// No descriptor below this is free.
    private var firstMaybeFree = 0

    init() {}

    deinit { closeAll() }

    func file(_ descriptor: Int32) throws(Errno) -> File {
        guard descriptor >= 0, Int(descriptor) < entries.count, let entry = entries[Int(descriptor)] else {
            throw .badDescriptor
        }
        return entry.file
    }

    func entry(_ descriptor: Int32) throws(Errno) -> Entry {
        guard descriptor >= 0, Int(descriptor) < entries.count, let entry = entries[Int(descriptor)] else {
            throw .badDescriptor
        }
        return entry
    }

    /// Puts `file` at the lowest free number not below `minimum`.
    /// - Throws: `.tooManyFiles` at RLIMIT_NOFILE.
    func add(_ file: File, closeOnExec: Bool, from minimum: Int = 0, limit: Int = 1024) throws(Errno) -> Int32
    {
        var i = max(minimum, firstMaybeFree)
        while i < entries.count && entries[i] != nil { i += 1 }
        guard i < limit else { throw .tooManyFiles }
        if minimum <= firstMaybeFree { firstMaybeFree = i + 1 }
        try set(i, Entry(file: file, closeOnExec: closeOnExec))
        return Int32(i)
    }

    /// Puts an entry, or nothing, in the place of what was there, which is closed.
    func set(_ index: Int, _ entry: Entry?) throws(Errno) {
        if let entry { entry.file.descriptorCount += 1 }
        if index >= entries.count {
            if entry == nil { return }
            entries.append(contentsOf: repeatElement(nil, count: index + 1 - entries.count))
        }
        let old = entries[index]
        entries[index] = entry
        if entry == nil { firstMaybeFree = min(firstMaybeFree, index) }
        if let old { old.file.lostDescriptor(of: self) }
    }

    func setCloseOnExec(_ descriptor: Int32, _ closeOnExec: Bool) throws(Errno) {
        _ = try file(descriptor)
        entries[Int(descriptor)]?.closeOnExec = closeOnExec
    }

    /// close(2).
    func close(_ descriptor: Int32) throws(Errno) {
        _ = try file(descriptor)
        try set(Int(descriptor), nil)
    }

    /// Closes everything: the process ends.
    func closeAll() {
        let old = entries
        entries = []
        firstMaybeFree = 0
        for entry in old {
            if let entry { entry.file.lostDescriptor(of: self) }
        }
    }

    /// For fork(2): the same descriptions under the same numbers.
    func copy() -> FileTable {
        let table = FileTable()
        table.entries = entries
        table.firstMaybeFree = firstMaybeFree
        for entry in entries {
            if let entry { entry.file.descriptorCount += 1 }
        }
        return table
    }

    func closeOnExec() {
        for i in entries.indices where entries[i]?.closeOnExec == true {
            _ = try? set(i, nil)
        }
    }
}
