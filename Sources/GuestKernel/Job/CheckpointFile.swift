/// /dev/checkpoint: how a program asks to be saved as a template, in any language (docs/templates.md). The first read of each
/// open file asks and waits; in every machine restored from the template it returns that job's arguments, each with a NUL
/// behind it, and then the end of the file.
final class CheckpointFile: File {
    private let node: Inode
    private var answer: [UInt8]?

    /// - Throws: `.noSuchDevice` where no template is being made, or it has been made already.
    init(_ inode: Inode, flags: UInt32) throws(Errno) {
        guard Checkpoint.isPossible else { throw .noSuchDevice }
        node = inode
        super.init(flags: flags)
    }

    override var inode: Inode? { node }

    override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
        if offset != nil { throw .illegalSeek }
        if buffer.remaining == 0 { return 0 }
        if answer == nil { answer = try Checkpoint.request() }
        guard let answer, position < UInt64(answer.count) else { return 0 }
        var moved = 0
        var failure: Errno?
        answer[Int(position)...].withUnsafeBytes { bytes in
            let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(buffer.remaining))
            do throws(Errno) { moved = try buffer.put(piece) } catch { failure = error }
        }
        if let failure { throw failure }
        position += UInt64(moved)
        return moved
    }
}
