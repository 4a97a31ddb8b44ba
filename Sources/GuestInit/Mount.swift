/// mount(2), and the small things that stand where file systems are put together.
enum Mount {
    static let readOnly = 1
    static let noSetUser = 2
    static let noDevices = 4
    static let noExecution = 8
    static let remount = 32
    static let noAccessTimes = 1024
    static let bind = 4096
    static let move = 8192

    static func add(
        _ type: Path, on place: Path, from source: Path, _ flags: Int = 0, options: Path = ""
    ) throws(Errno) {
        try source.withArgument { (source) throws(Errno) in
            try place.withArgument { (place) throws(Errno) in
                try type.withArgument { (type) throws(Errno) in
                    try options.withArgument { (options) throws(Errno) in
                        try LinuxCall.mount(source, place, type, flags, options)
                    }
                }
            }
        }
    }

    /// A directory; there already is as good.
    static func makeDirectory(_ path: Path, mode: Int = 0o755) throws(Errno) {
        do throws(Errno) {
            try path.withArgument { (path) throws(Errno) in try LinuxCall.mkdir(path, mode) }
        } catch {
            if error != .exists { throw error }
        }
    }

    /// A character device; there already is as good.
    static func makeDevice(_ path: Path, _ major: Int, _ minor: Int, mode: Int) throws(Errno) {
        do throws(Errno) {
            try path.withArgument { (path) throws(Errno) in
                try LinuxCall.mknod(path, 0o020000 | mode, major << 8 | minor)
            }
        } catch {
            if error != .exists { throw error }
        }
    }

    static func makeLink(_ path: Path, to target: Path) throws(Errno) {
        try target.withArgument { (target) throws(Errno) in
            try path.withArgument { (path) throws(Errno) in try LinuxCall.symlink(target, path) }
        }
    }

    static func changeDirectory(_ path: Path) throws(Errno) {
        try path.withArgument { (path) throws(Errno) in try LinuxCall.chdir(path) }
    }
}
