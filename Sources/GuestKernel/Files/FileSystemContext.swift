/// A process's root, working directory and umask; shared with CLONE_FS.
final class FileSystemContext {
    var umask: UInt32 = 0o022
    // nil: the root of everything, which may be mounted only after the first contexts were made.
    private var ownRoot: Inode?
    private var ownWorkingDirectory: Inode?

    init() {}

    var root: Inode {
        get { ownRoot ?? FileSystem.root }
        set { ownRoot = newValue }
    }

    var workingDirectory: Inode {
        get { ownWorkingDirectory ?? FileSystem.root }
        set { ownWorkingDirectory = newValue }
    }

    func copy() -> FileSystemContext {
        let context = FileSystemContext()
        context.umask = umask
        context.ownRoot = ownRoot
        context.ownWorkingDirectory = ownWorkingDirectory
        return context
    }
}
