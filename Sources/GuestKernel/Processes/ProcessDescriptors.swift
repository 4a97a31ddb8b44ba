/// pidfd_getfd(2): another process's descriptor. Its own one, what it has there, no flags.
func getDescriptor(_ arguments: SystemCallArguments, _ caller: Process) throws(Errno) -> Int {
    guard arguments.c & 0xFFFF_FFFF == 0 else { throw .invalidArgument }
    let holder = try caller.files.file(Int32(truncatingIfNeeded: arguments.a))
    guard let target = holder.asProcess else { throw .badDescriptor }
    guard target.ending == nil else { throw .noSuchProcess }
    guard target === caller || caller.credentials.mayInspect(target.credentials) else { throw .notPermitted }
    let file = try target.files.file(Int32(truncatingIfNeeded: arguments.b))
    let limit = Int(min(caller.limits.soft[7], 1 << 20))
    return Int(try caller.files.add(file, closeOnExec: true, limit: limit))
}

/// kcmp(2): whether two processes share something. Two processes, what, and for files a descriptor of each.
/// - Returns: 0 for the same; 1 or 2 for an order of things that are not.
func compareProcesses(_ arguments: SystemCallArguments, _ caller: Process) throws(Errno) -> Int {
    guard let one = Processes.find(Int32(truncatingIfNeeded: arguments.a)),
        let other = Processes.find(Int32(truncatingIfNeeded: arguments.b))
    else { throw .noSuchProcess }
    for process in [one, other] where process !== caller {
        guard caller.credentials.mayInspect(process.credentials) else { throw .notPermitted }
    }
    func identity(_ process: Process, _ descriptor: UInt64) throws(Errno) -> ObjectIdentifier {
        switch arguments.c {
        case 0: ObjectIdentifier(try process.files.file(Int32(truncatingIfNeeded: descriptor)))  // KCMP_FILE
        case 1: ObjectIdentifier(process.space)  // KCMP_VM
        case 2: ObjectIdentifier(process.files)  // KCMP_FILES
        case 3: ObjectIdentifier(process.directories)  // KCMP_FS
        case 4: ObjectIdentifier(process.signals.actions)  // KCMP_SIGHAND
        case 5, 6: ObjectIdentifier(process)  // KCMP_IO, KCMP_SYSVSEM: nothing shares them
        default: throw .invalidArgument
        }
    }
    let a = try identity(one, arguments.d)
    let b = try identity(other, arguments.e)
    return a == b ? 0 : a < b ? 1 : 2
}
