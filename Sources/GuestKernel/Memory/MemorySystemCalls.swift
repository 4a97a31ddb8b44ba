/// mmap, munmap, mprotect, mremap, madvise, brk and their like.
/// - Returns: nil for a number that is not one of these.
func memorySystemCall(_ number: UInt64, _ arguments: SystemCallArguments, _ thread: Thread) throws(Errno) -> Int? {
    nil
}
