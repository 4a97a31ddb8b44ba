/// process_vm_readv(2), process_vm_writev(2): from one process's memory to another's.
private struct MemoryTransfer {
    private static let vectorMaximum: UInt64 = 1024
    private static let bounceBytes = 16 << 10

    let local: AddressSpace
    let remote: AddressSpace
    let isWrite: Bool

    /// Pieces of an array of `struct iovec` in the caller's memory.
    private func pieces(_ address: UInt64, _ count: UInt64) throws(Errno) -> [IOBuffer.Piece] {
        guard count <= Self.vectorMaximum else { throw .invalidArgument }
        var list: [IOBuffer.Piece] = []
        var total = 0
        for i in 0..<count {
            let (base, length) = try local.load((UInt64, UInt64).self, at: address &+ i * 16)
            guard length <= UInt64(Int.max - total) else { throw .invalidArgument }
            total += Int(length)
            if length > 0 { list.append(IOBuffer.Piece(address: base, count: Int(length))) }
        }
        return list
    }

    /// - Returns: bytes moved; less than asked where the memory of one side ends.
    func move(_ a: (UInt64, UInt64), _ b: (UInt64, UInt64)) throws(Errno) -> Int {
        var here = try pieces(a.0, a.1)[...]
        var there = try pieces(b.0, b.1)[...]
        var done = 0
        while let mine = here.first, let theirs = there.first {
            let count = min(mine.count, theirs.count, Self.bounceBytes)
            do throws(Errno) {
                if isWrite {
                    try remote.write(try local.read(from: mine.address, count: count), to: theirs.address)
                } else {
                    try local.write(try remote.read(from: theirs.address, count: count), to: mine.address)
                }
            } catch {
                if done == 0 { throw error }
                return done
            }
            done += count
            Self.advance(&here, count)
            Self.advance(&there, count)
        }
        return done
    }

    private static func advance(_ list: inout ArraySlice<IOBuffer.Piece>, _ count: Int) {
        let i = list.startIndex
        if list[i].count == count {
            list.removeFirst()
        } else {
            list[i].address &+= UInt64(count)
            list[i].count -= count
        }
    }
}

func processMemoryCall(_ call: SystemCall, _ arguments: SystemCallArguments, _ caller: Process) throws(Errno)
    -> Int
{
    guard arguments.f == 0 else { throw .invalidArgument }
    let id = Int32(truncatingIfNeeded: arguments.a)
    guard let target = Processes.find(id), target.ending == nil else { throw .noSuchProcess }
    guard caller.credentials.mayInspect(target.credentials) else { throw .notPermitted }
    let transfer = MemoryTransfer(
        local: caller.space, remote: target.space, isWrite: call == .process_vm_writev)
    return try transfer.move((arguments.b, arguments.c), (arguments.d, arguments.e))
}

extension Credentials {
    /// ptrace(2), "Ptrace access mode checking": the superuser, or all of the target's identities.
    func mayInspect(_ target: Credentials) -> Bool {
        if has(.trace) { return true }
        return user == target.user && user == target.effectiveUser && user == target.savedUser
            && group == target.group && group == target.effectiveGroup && group == target.savedGroup
    }
}
