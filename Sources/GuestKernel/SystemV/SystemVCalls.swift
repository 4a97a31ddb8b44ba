/// System V's interprocess communication (sysvipc(7)). One namespace for the whole job.
/// - Returns: nil for a call that is not one of these.
func systemVCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno)
    -> Int?
{
    let process = thread.process
    switch call {
    case .shmget: return try SharedSegment.get(arguments, process)
    case .shmat: return try SharedSegment.attach(arguments, process)
    case .shmdt: return try SharedSegment.detach(arguments, process)
    case .shmctl: return try SharedSegment.control(arguments, process)
    case .semget: return try SemaphoreSet.get(arguments, process)
    case .semop: return try SemaphoreSet.operate(arguments, process, until: .max)
    case .semtimedop:
        var deadline = UInt64.max
        if arguments.d != 0 {
            let file = FileCall(arguments: arguments, thread: thread)
            deadline = file.deadline(after: try file.duration(at: arguments.d))
        }
        return try SemaphoreSet.operate(arguments, process, until: deadline)
    case .semctl: return try SemaphoreSet.control(arguments, process)
    case .msgget: return try SystemVMessageQueue.get(arguments, process)
    case .msgsnd: return try SystemVMessageQueue.send(arguments, process)
    case .msgrcv: return try SystemVMessageQueue.receive(arguments, process)
    case .msgctl: return try SystemVMessageQueue.control(arguments, process)
    default: return nil
    }
}
