import LinuxSystem
import SystemPackage

/// Which file it is and when it was last changed. A file that is the same by this was not written since, as far as the host's
/// kernel knows: nobody can set st_ctime back.
struct FileIdentity: Equatable {
    let words: [UInt64]

    init(of file: FileDescriptor) throws(Errno) {
        let status = try file.status()
        words = [status.device, status.inode, status.size, UInt64(bitPattern: status.changed)]
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
