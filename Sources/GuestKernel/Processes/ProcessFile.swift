/// A process as a file descriptor (pidfd_open(2)): readable once the process has ended.
final class ProcessFile: File {
    private let process: Process
    private let number = AnonymousInode.newNumber()

    init(_ process: Process, flags: UInt32) {
        self.process = process
        super.init(flags: flags | OpenFlags.readWrite)
    }

    override var asProcess: Process? { process }
    override func status() throws(Errno) -> FileStatus { AnonymousInode.status(number: number) }
    override func describe() -> [UInt8] { Text.bytes("anon_inode:[pidfd]") }
    override func readiness() -> PollEvents { process.ending != nil ? [.readable] : [] }
    override var readinessChanged: WaitQueue? { process.ended }
}

/// pidfd_open(2).
func openProcess(_ arguments: SystemCallArguments, _ caller: Process) throws(Errno) -> Int {
    let id = Int32(truncatingIfNeeded: arguments.a)
    let flags = UInt32(truncatingIfNeeded: arguments.b)
    guard id > 0, flags & ~OpenFlags.nonblocking == 0 else { throw .invalidArgument }
    guard let process = Processes.find(id) else { throw .noSuchProcess }
    let limit = Int(min(caller.limits.soft[7], 1 << 20))
    return Int(try caller.files.add(ProcessFile(process, flags: flags), closeOnExec: true, limit: limit))
}
