/// System calls on processes, threads, signals, time and identity. (Owned by the process part.)
/// - Returns: nil for a number that is not one of these.
func processSystemCall(_ number: UInt64, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int? {
    try randomSystemCall(number, arguments, thread)
}
