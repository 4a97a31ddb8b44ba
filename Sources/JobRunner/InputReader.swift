import Glibc
import LinuxSystem
import SystemPackage

/// An input file that cannot be sent any more; the job cannot run.
struct InputProblem: Error {
    let path: [UInt8]
    let text: String

    init(path: [UInt8], text: String) {
        self.path = path
        self.text = text
    }

    fileprivate static func changed(_ path: [UInt8]) -> InputProblem {
        InputProblem(path: path, text: "became another file while the job's files were read")
    }
}

/// Reads the files of an `InputPlan`, one after another: the very files that the plan found, or none.
struct InputReader: ~Copyable {
    private let plan: InputPlan
    /// Where the last file was, and below which of the plan's roots that is.
    private var place: OpenDirectory?
    private var rootIndex = -1
    private var file: OwnedDescriptor?
    /// Of a file that does not say its size; it was read at once.
    private var content: [UInt8]?
    private var path: [UInt8] = []
    private var offset: UInt64 = 0
    /// Of the file that is open, not yet read, in bytes.
    private(set) var remaining: UInt64 = 0

    /// Files of /proc say that they are empty and are not. So much of one is taken.
    static let maximumUnsized = 4 << 20

    init(_ plan: InputPlan) { self.plan = plan }

    /// Opens a file; it is to be read to its end before the next.
    mutating func begin(_ source: InputPlan.Source) throws(InputProblem) -> (mode: UInt32, size: UInt64) {
        path = plan.hostPath(source)
        offset = 0
        remaining = 0
        content = nil
        let opened = try open(source)
        let status = try reading { () throws(Errno) in try opened.borrowed.status() }
        guard status.kind == .regular, status.identity == source.identity else { throw .changed(path) }
        if status.size == 0 {
            content = try unsized(opened.borrowed)
            remaining = UInt64(content?.count ?? 0)
        } else {
            remaining = status.size
            file = .some(opened)
        }
        return (status.mode, remaining)
    }

    private func unsized(_ file: FileDescriptor) throws(InputProblem) -> [UInt8] {
        let bytes = try reading { () throws(Errno) in try file.read(at: 0, upTo: Self.maximumUnsized + 1) }
        if bytes.count <= Self.maximumUnsized { return bytes }
        throw InputProblem(
            path: path, text: "does not say its size, and has more than 4 MiB; copy it to a file first")
    }

    private mutating func open(_ source: InputPlan.Source) throws(InputProblem) -> OwnedDescriptor {
        if source.path.isEmpty {
            return try reading { () throws(Errno) in
                try OwnedDescriptor.open(path: path, flags: O_RDONLY | O_NONBLOCK)
            }
        }
        try enterRoot(source.root)
        let slash = source.path.lastIndex(of: UInt8(ascii: "/"))
        let directory = Array(source.path[..<(slash ?? 0)])
        let name = Array(source.path[(slash.map { $0 + 1 } ?? 0)...])
        do throws(Errno) {
            try place?.move(to: directory)
            guard let open = place?.descriptor else { throw .noSuchFileOrDirectory }
            return try OwnedDescriptor.open(name, beneath: open, flags: O_RDONLY | O_NONBLOCK)
        } catch {
            // Whoever owns it may have taken the permission back; the rest is that another file is there, or none.
            if error == .permissionDenied { throw InputProblem(path: path, text: "\(error)") }
            throw .changed(path)
        }
    }

    private mutating func enterRoot(_ index: Int) throws(InputProblem) {
        if rootIndex == index { return }
        let wanted = plan.roots[index]
        let opened = try reading { () throws(Errno) in
            try OwnedDescriptor.open(path: wanted.path, flags: O_RDONLY | O_DIRECTORY)
        }
        let found = try reading { () throws(Errno) in try opened.borrowed.status().identity }
        guard found == wanted.identity else { throw .changed(wanted.path) }
        place = .some(OpenDirectory(root: opened))
        rootIndex = index
    }

    /// The next bytes of the file that is open; never empty while `remaining` is not 0.
    mutating func read(upTo limit: Int) throws(InputProblem) -> [UInt8] {
        let count = Int(min(remaining, UInt64(limit)))
        let start = offset
        let piece: [UInt8]
        if let content {
            piece = Array(content[Int(start)..<(Int(start) + count)])
        } else {
            guard let file = file?.borrowed else { throw .changed(path) }
            piece = try reading { () throws(Errno) in try file.read(at: start, upTo: count) }
        }
        // The size went ahead of the content, so a file that became shorter cannot be sent any more.
        if piece.count < count { throw InputProblem(path: path, text: "became shorter while it was sent") }
        offset += UInt64(count)
        remaining -= UInt64(count)
        if remaining == 0 {
            file = nil
            content = nil
        }
        return piece
    }

    private func reading<Result: ~Copyable>(
        _ body: () throws(Errno) -> Result
    ) throws(InputProblem) -> Result {
        do throws(Errno) { return try body() } catch { throw InputProblem(path: path, text: "\(error)") }
    }
}
