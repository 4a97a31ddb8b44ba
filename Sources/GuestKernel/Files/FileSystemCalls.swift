/// System calls on files and descriptors. (Owned by the files part.)
/// - Returns: nil for a number that is not one of these.
func fileSystemCall(_ number: UInt64, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int? {
    nil
}
