import Glibc
import LinuxSystem
import SystemPackage

// The records of a store: small text files, each named as what it describes (`ImageStore`, `KernelStore`).

/// What the record at `path` says; nil: there is none.
func recordText(at path: String) throws(ImageError) -> String? {
    do throws(Errno) {
        let file = try OwnedDescriptor.open(path: path.bytes, flags: O_RDONLY)
        let bytes = try file.borrowed.readAll(atMost: ImageRecord.maximumSize)
        return String(decoding: bytes, as: UTF8.self)
    } catch {
        if error == .noSuchFileOrDirectory { return nil }
        throw .system(doing: "opening", path: path, errno: error)
    }
}

/// The names of all records in `directory`, sorted; none where there is no directory.
func recordNames(in directory: String) throws(ImageError) -> [String] {
    do throws(Errno) {
        return try listNames(directory).filter(ImageStore.isValid(name:)).sorted()
    } catch {
        if error == .noSuchFileOrDirectory { return [] }
        throw .system(doing: "listing", path: directory, errno: error)
    }
}
