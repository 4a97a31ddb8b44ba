import Glibc
import Images
import LinuxSystem
import SystemPackage

/// Where a batch's results go, one line each, in the order of the jobs unless that is not wanted; and, for `--resume`, what
/// an earlier run has written already.
///
/// The file of `--output` is its own journal. Every result is one write of one whole line that begins with the number of its
/// job's line and that line's digest, so after a crash the file tells what is done: a last line without its end is cut off.
struct BatchOutput: ~Copyable {
    private let file: OwnedDescriptor?
    /// `file`, or standard output.
    private let target: FileDescriptor
    private let name: String
    private let isOrdered: Bool
    /// By line number: the digest of a job whose result is there. Eight bytes a job.
    private var done: [UInt64: UInt64] = [:]
    /// Lines of those whose result says that they failed.
    private var failedBefore: Set<UInt64> = []
    /// Results whose turn has not come, by position among this run's jobs.
    private var held: [Int: [UInt8]] = [:]
    private(set) var heldBytes = 0
    private var next = 0

    var doneCount: Int { done.count }
    var failedCount: Int { failedBefore.count }
    /// The position whose result is written next.
    var nextPosition: Int { next }

    /// A link is followed, a device or FIFO written to; a directory or socket is refused, as for every path that we write
    /// (`WrittenPlace`). A regular file alone is not replaced: it is the journal.
    ///
    /// - Parameter path: Nil or `-`: standard output.
    init(path: String?, resumes: Bool, isOrdered: Bool) throws(BatchFailure) {
        self.isOrdered = isOrdered
        let path = path == "-" ? nil : path
        name = path ?? "standard output"
        guard let path else {
            file = nil
            target = .standardOutput
            return
        }
        do throws(Errno) {
            let file = try OwnedDescriptor.open(path, flags: O_RDWR | O_CREAT | O_APPEND, mode: 0o644)
            let status = try file.borrowed.status()
            if status.kind == .regular {
                guard try file.borrowed.lock(waiting: false) else {
                    throw .wouldBlock
                }
                if resumes { try Self.readResults(of: file.borrowed, into: &done, failed: &failedBefore) }
                if !resumes, status.size > 0 { throw .fileExists }
            } else if resumes {
                throw .invalidArgument
            }
            target = file.borrowed
            self.file = consume file
        } catch {
            switch error {
            case .fileExists:
                throw BatchFailure("--output \(path): has results already; --resume goes on with it")
            case .wouldBlock: throw BatchFailure("--output \(path): another batch is writing it")
            case .noSuchAddressOrDevice: throw BatchFailure("--output \(path): is a socket, or a FIFO that nobody reads")
            case .invalidArgument: throw BatchFailure("--resume: \(path) is not a regular file")
            default: throw BatchFailure("--output \(path): \(error)")
            }
        }
    }

    /// Whether an earlier run has written this job's result.
    ///
    /// - Throws: If the result there is of another job: the file with the jobs has changed.
    func hasResult(line: UInt64, digest: UInt64) throws(BatchFailure) -> Bool {
        guard let known = done[line] else { return false }
        guard known == digest else {
            throw BatchFailure("--resume: line \(line) is not the job whose result is in \(name)")
        }
        return true
    }

    /// Writes the result now or when its turn comes. Nil: there is none, and the next may come.
    mutating func deliver(position: Int, _ text: [UInt8]?) throws(BatchFailure) {
        guard isOrdered else {
            next += 1
            if let text { try write(text) }
            return
        }
        held[position] = text ?? []
        heldBytes += text?.count ?? 0
        while let text = held.removeValue(forKey: next) {
            next += 1
            heldBytes -= text.count
            if !text.isEmpty { try write(text) }
        }
    }

    /// What is left when no more will come: results behind a job that was given up.
    mutating func flush() throws(BatchFailure) {
        for position in held.keys.sorted() {
            if let text = held.removeValue(forKey: position), !text.isEmpty { try write(text) }
        }
    }

    private func write(_ text: [UInt8]) throws(BatchFailure) {
        do throws(Errno) {
            try target.write(all: text)
        } catch {
            throw BatchFailure("writing \(name): \(error)")
        }
    }

    // MARK: - Lines

    /// Which job's a result is: the first members of its line.
    struct Place: Sendable {
        let line: UInt64
        let digest: UInt64

        func write(to json: inout JSONWriter) {
            let text = String(digest, radix: 16)
            json.number("line", line)
            json.string("job", String(repeating: "0", count: 16 - text.count) + text)
        }
    }

    /// What stands at the beginning of a result; the status is missing in those of earlier versions.
    static func identity(
        of result: some Collection<UInt8>
    ) -> (line: UInt64, digest: UInt64, status: Int32?)? {
        let text = String(decoding: result.prefix(80), as: UTF8.self)
        guard text.hasPrefix("{\"line\":") else { return nil }
        let parts = text.dropFirst(8).split(separator: ",", maxSplits: 2)
        guard parts.count == 3, let line = UInt64(parts[0]), parts[1].hasPrefix("\"job\":\""),
            parts[1].hasSuffix("\""), parts[1].utf8.count == 24,
            let digest = UInt64(parts[1].dropFirst(7).dropLast(), radix: 16)
        else { return nil }
        let status = parts[2].hasPrefix("\"status\":") ? parts[2].dropFirst(9).prefix { $0 != "," } : ""
        return (line, digest, Int32(status))
    }

    /// The first eight bytes of a line's SHA-256.
    static func digest(of line: [UInt8]) -> UInt64 {
        var hash = SHA256()
        hash.update(line)
        return UInt64(hash.hexadecimalDigest().prefix(16), radix: 16) ?? 0
    }

    /// Reads what is there and cuts off a last line that was not finished.
    private static func readResults(
        of file: FileDescriptor, into done: inout [UInt64: UInt64], failed: inout Set<UInt64>
    ) throws(Errno) {
        var offset: UInt64 = 0
        /// Where the current line begins, and its first bytes.
        var lineStart: UInt64 = 0
        var beginning: [UInt8] = []
        while true {
            let piece = try file.read(at: offset, upTo: 1 << 20)
            if piece.isEmpty { break }
            var rest = piece[...]
            while let newline = rest.firstIndex(of: 0x0a) {
                beginning += rest[..<newline].prefix(80 - min(80, beginning.count))
                if let (line, digest, status) = identity(of: beginning) {
                    done[line] = digest
                    if let status, status != 0 { failed.insert(line) } else { failed.remove(line) }
                }
                beginning = []
                rest = rest[(newline + 1)...]
                lineStart = offset + UInt64(newline + 1)
            }
            beginning += rest.prefix(80 - min(80, beginning.count))
            offset += UInt64(piece.count)
        }
        if lineStart < offset { try file.truncate(to: lineStart) }
    }
}

/// A batch cannot go on; one line for the user.
struct BatchFailure: Error, Equatable {
    let text: String

    init(_ text: String) { self.text = text }
}
