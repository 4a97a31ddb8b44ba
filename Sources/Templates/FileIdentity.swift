import Glibc
import SystemPackage

/// Which file it is and when it was last changed. A file that is the same by this was not written since, as far as the host's
/// kernel knows: nobody can set st_ctime back.
struct FileIdentity: Equatable {
    static let wordCount = 7
    let words: [UInt64]

    init(of file: FileDescriptor) throws(Errno) {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        words = [
            UInt64(status.st_dev), UInt64(status.st_ino), UInt64(status.st_size),
            UInt64(bitPattern: Int64(status.st_mtim.tv_sec)),
            UInt64(bitPattern: Int64(status.st_mtim.tv_nsec)),
            UInt64(bitPattern: Int64(status.st_ctim.tv_sec)),
            UInt64(bitPattern: Int64(status.st_ctim.tv_nsec)),
        ]
    }
}

/// The files that were read in full and found to be what the template's header says, so that the next restore need not. Kept
/// beside the template: it saves time and proves nothing against somebody who can write the store, who could as well write
/// images or this program.
struct Attestation: Equatable {
    private let words: [UInt64]

    init(template: FileIdentity, kernel: FileIdentity, machine: FileIdentity) {
        words = template.words + kernel.words + machine.words
    }

    var encoded: [UInt8] { words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } } }
}
