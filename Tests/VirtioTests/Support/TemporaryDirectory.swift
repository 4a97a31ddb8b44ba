import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// A directory of this test's own, removed with what is in it.
final class TemporaryDirectory {
    let path: String
    let descriptor: OwnedDescriptor

    init() throws {
        var template = Array("/tmp/swiftlet-test-XXXXXX".utf8CString)
        guard let name = mkdtemp(&template) else { throw Errno.ioError }
        path = String(cString: name)
        descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    }

    deinit {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink(path + "/" + name)
            }
            closedir(directory)
        }
        rmdir(path)
    }

    /// A listening Unix socket in it.
    func listen(_ name: String, backlog: CInt = 16) throws -> OwnedDescriptor {
        let socket = try OwnedDescriptor(checking: linux_unix_socket(CInt(SOCK_STREAM.rawValue)))
        let file = socket.borrowed.rawValue
        try checked((path + "/" + name).withCString { linux_unix_listen(file, $0, backlog) })
        return socket
    }

    /// A socket connected to one in it.
    func connect(_ name: String) throws -> OwnedDescriptor {
        let socket = try OwnedDescriptor(checking: linux_unix_socket(CInt(SOCK_STREAM.rawValue)))
        let file = socket.borrowed.rawValue
        try checked((path + "/" + name).withCString { linux_unix_connect(file, $0) })
        return socket
    }
}
