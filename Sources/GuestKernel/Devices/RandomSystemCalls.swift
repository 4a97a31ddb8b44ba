/// getrandom(2). Called from processSystemCall.
/// - Returns: nil for any other number.
func randomSystemCall(
    _ call: SystemCall, _ arguments: SystemCallArguments, _ thread: Thread
) throws(Errno) -> Int? {
    guard call == .getrandom else { return nil }
    return try getRandom(thread.process.space, address: arguments.a, count: arguments.b, flags: arguments.c)
}

/// The generator is seeded before the first program, so no flag changes what happens; impossible ones are refused.
private func getRandom(
    _ space: AddressSpace, address: UInt64, count: UInt64, flags: UInt64
) throws(Errno) -> Int {
    let nonblocking: UInt64 = 1, random: UInt64 = 2, insecure: UInt64 = 4
    guard flags & ~(nonblocking | random | insecure) == 0,
        flags & (random | insecure) != random | insecure
    else { throw .invalidArgument }
    // Linux's own limit for one call.
    let wanted = Int(min(count, 0x7FFF_F000))
    var buffer = IOBuffer(space, address, wanted)
    return try buffer.transfer(count: wanted, writing: true) { piece, _ in Random.fill(piece) }
}
