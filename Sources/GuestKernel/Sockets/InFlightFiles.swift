/// Open files that were sent over AF_UNIX sockets and not yet received (SCM_RIGHTS). Each counts as a descriptor, so that
/// closing the sender's does not close the file.
enum InFlightFiles {
    // SAFETY: see Frames.
    nonisolated(unsafe) private(set) static var count = 0
    nonisolated(unsafe) private static var dropped: [File] = []
    nonisolated(unsafe) private static var isDropping = false

    /// - Throws: `.tooManyReferences`.
    static func add(_ files: [File]) throws(Errno) {
        guard files.count <= SocketLimits.descriptorsInFlight - count else { throw .tooManyReferences }
        count += files.count
        for file in files { file.descriptorCount += 1 }
    }

    /// For MSG_PEEK: the same files once more; none of them if that would be too many.
    static func copies(of files: [File]) -> [File] {
        if files.isEmpty { return [] }
        do throws(Errno) { try add(files) } catch { return [] }
        return files
    }

    /// Nobody receives them, or who does has them in its table by now. A dropped socket may hold files that then are
    /// dropped too; a list, not recursion, walks such chains.
    static func drop(_ files: [File]) {
        if files.isEmpty { return }
        count -= files.count
        dropped.append(contentsOf: files)
        if isDropping { return }
        isDropping = true
        while let file = dropped.popLast() { file.lostDescriptor(of: nil) }
        isDropping = false
    }
}
