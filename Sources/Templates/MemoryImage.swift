import Glibc
import Images
import LinuxSystem
import SystemPackage

/// A guest's memory in a file: copying it without its zero pages, and its checksum.
///
/// The checksum is SHA-256 over each page that is not zero, its number (u64) before its bytes: so it does not depend on
/// where a file system has holes, and holes cost nothing.
enum MemoryImage {
    static let page = 4096
    private static let pieceBytes = 1 << 20

    struct Summary: Equatable {
        var digest: [UInt8]
        var dataBytes: UInt64
    }

    /// Copies `count` bytes from the start of `source` to `offset` of `target`, and sums them up.
    static func copy(
        _ source: FileDescriptor, count: UInt64, to target: FileDescriptor, at offset: UInt64
    ) throws(Errno) -> Summary {
        try walk(source, from: 0, count: count) { (position, run) throws(Errno) in
            try target.write(all: run, at: offset + position)
        }
    }

    /// The summary of the `count` bytes of `source` from `offset` on.
    static func summary(of source: FileDescriptor, from offset: UInt64, count: UInt64) throws(Errno)
        -> Summary
    {
        try walk(source, from: offset, count: count) { (_, _) throws(Errno) in }
    }

    /// - Parameter body: Called with each run of pages that are not zero, and where it begins in the memory.
    private static func walk(
        _ source: FileDescriptor, from offset: UInt64, count: UInt64,
        _ body: (UInt64, ArraySlice<UInt8>) throws(Errno) -> Void
    ) throws(Errno) -> Summary {
        var hash = SHA256()
        var dataBytes: UInt64 = 0
        var position: UInt64 = 0
        while position < count,
            let extent = try source.nextData(in: (offset + position)..<(offset + count))
        {
            // An extent of a file system with smaller blocks may begin within a page.
            let whole = UInt64(page)
            position = (extent.lowerBound - offset) / whole * whole
            let end = min(count, (extent.upperBound - offset + whole - 1) / whole * whole)
            while position < end {
                let wanted = Int(min(UInt64(pieceBytes), end - position))
                let piece = try source.read(at: offset + position, upTo: wanted)
                guard piece.count == wanted else { throw .ioError }
                for run in dataRuns(of: piece) {
                    for start in stride(from: run.lowerBound, to: run.upperBound, by: page) {
                        let number = (position + UInt64(start)) / UInt64(page)
                        withUnsafeBytes(of: number.littleEndian) { hash.update(Array($0)) }
                        hash.update(piece.span.extracting(start..<(start + page)))
                    }
                    dataBytes += UInt64(run.count)
                    try body(position + UInt64(run.lowerBound), piece[run])
                }
                position += UInt64(wanted)
            }
        }
        let digest = TemplateHeader.digest(hexadecimal: hash.hexadecimalDigest())
        return Summary(digest: digest, dataBytes: dataBytes)
    }

    /// Runs of whole pages that are not zero.
    private static func dataRuns(of piece: [UInt8]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        piece.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: page) {
                let words = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + page)])
                let isZero = (0..<(page / 8)).allSatisfy {
                    words.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) == 0
                }
                if isZero { continue }
                if let last = runs.last, last.upperBound == start {
                    runs[runs.count - 1] = last.lowerBound..<(start + page)
                } else {
                    runs.append(start..<(start + page))
                }
            }
        }
        return runs
    }
}

extension FileDescriptor {
    func write(all bytes: ArraySlice<UInt8>, at offset: UInt64) throws(Errno) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.pwrite(
                    rawValue, raw.baseAddress.map { $0 + done }, raw.count - done, Int(offset) + done)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw Errno(rawValue: errno)
            }
            done += count
        }
    }
}
