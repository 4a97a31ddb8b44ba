/// send(2), recv(2) and their many forms.
extension SocketCall {
    /// `struct msghdr`, as a program has it.
    private struct Header {
        static let bytes: UInt64 = 56
        let address: UInt64
        let name: UInt64
        let nameSize: UInt32
        let control: UInt64
        let controlSize: UInt64
        let buffer: IOBuffer
    }

    private func header(at address: UInt64) throws(Errno) -> Header {
        let vectorCount = try space.load(UInt64.self, at: address &+ 24)
        guard vectorCount <= 1024 else { throw .messageTooLong }
        let nameSize = try space.load(UInt32.self, at: address &+ 8)
        guard nameSize <= UInt32(Int32.max) else { throw .invalidArgument }
        return Header(
            address: address, name: try space.load(UInt64.self, at: address), nameSize: nameSize,
            control: try space.load(UInt64.self, at: address &+ 32),
            controlSize: try space.load(UInt64.self, at: address &+ 40),
            buffer: try fileCall.vector(try space.load(UInt64.self, at: address &+ 16), vectorCount))
    }

    private func flags(_ word: UInt64) -> MessageFlags {
        MessageFlags(rawValue: UInt32(truncatingIfNeeded: word))
    }

    // MARK: Sending

    /// Descriptor, bytes, count, flags, address (or 0), its size.
    func sendTo() throws(Errno) -> Int {
        let socket = try socket()
        var message = OutgoingMessage(flags: flags(arguments.d))
        if arguments.e != 0 { message.address = try address(at: arguments.e, count: arguments.f) }
        var buffer = try fileCall.buffer(arguments.b, arguments.c)
        return try socket.send(&buffer, message)
    }

    func sendMessage() throws(Errno) -> Int { try send(try socket(), at: arguments.b, flags(arguments.c)) }

    private func send(_ socket: Socket, at address: UInt64, _ flags: MessageFlags) throws(Errno) -> Int {
        let header = try header(at: address)
        var message = OutgoingMessage(flags: flags)
        if header.name != 0 && header.nameSize > 0 {
            message.address = try self.address(
                at: header.name, count: UInt64(min(header.nameSize, UInt32(SocketLimits.addressBytes))))
        }
        if header.controlSize > 0 {
            guard header.controlSize <= UInt64(SocketLimits.controlBytes) else { throw .noBufferSpace }
            let bytes = try space.read(from: header.control, count: Int(header.controlSize))
            message.ancillary = try ControlMessages.read(bytes, for: socket, from: thread)
        }
        var buffer = header.buffer
        return try socket.send(&buffer, message)
    }

    /// Descriptor, array of `struct mmsghdr` (a msghdr and a count of bytes), how many, flags.
    func sendMessages() throws(Errno) -> Int {
        let socket = try socket()
        let total = min(UInt64(UInt32(truncatingIfNeeded: arguments.c)), 1024)
        var done: UInt64 = 0
        while done < total {
            let address = arguments.b &+ done * 64
            do throws(Errno) {
                let count = try send(socket, at: address, flags(arguments.d))
                try space.store(UInt32(truncatingIfNeeded: count), at: address &+ Header.bytes)
            } catch {
                if done == 0 { throw error }
                break
            }
            done += 1
        }
        return Int(done)
    }

    // MARK: Receiving

    /// Descriptor, bytes, count, flags, where the sender's address goes (or 0), where its size is.
    func receiveFrom() throws(Errno) -> Int {
        let socket = try socket()
        var buffer = try fileCall.buffer(arguments.b, arguments.c)
        let flags = flags(arguments.d)
        let message = try socket.receive(&buffer, flags)
        InFlightFiles.drop(message.ancillary.files)
        if arguments.e != 0 { try store(message.sender, at: arguments.e, sizeAt: arguments.f) }
        return flags.contains(.truncated) ? max(message.size, message.count) : message.count
    }

    func receiveMessage() throws(Errno) -> Int {
        try receive(try socket(), at: arguments.b, flags(arguments.c))
    }

    private func receive(_ socket: Socket, at address: UInt64, _ flags: MessageFlags) throws(Errno) -> Int {
        let header = try header(at: address)
        var buffer = header.buffer
        let message = try socket.receive(&buffer, flags)
        let limit = header.control == 0 ? 0 : Int(min(header.controlSize, UInt64(Int32.max)))
        let (control, controlFlags) = ControlMessages.write(
            message, limit: limit, for: socket, in: self, closeOnExec: flags.contains(.closeOnExec))
        try space.write(control, to: header.control)
        if header.name != 0 {
            try space.write(Array(message.sender.prefix(Int(header.nameSize))), to: header.name)
            try space.store(UInt32(message.sender.count), at: address &+ 8)
        }
        try space.store(UInt64(control.count), at: address &+ 40)
        var result = message.flags.union(controlFlags)
        if flags.contains(.closeOnExec) { result.insert(.closeOnExec) }
        try space.store(result.rawValue, at: address &+ 48)
        return flags.contains(.truncated) ? max(message.size, message.count) : message.count
    }

    /// Descriptor, array of `struct mmsghdr`, how many, flags, a timespec or 0.
    func receiveMessages() throws(Errno) -> Int {
        let socket = try socket()
        let total = min(UInt64(UInt32(truncatingIfNeeded: arguments.c)), 1024)
        var deadline = UInt64.max
        if arguments.e != 0 { deadline = fileCall.deadline(after: try fileCall.duration(at: arguments.e)) }
        var flags = flags(arguments.d)
        let waitsForOne = flags.contains(.waitForOne)
        flags.remove(.waitForOne)
        var done: UInt64 = 0
        while done < total {
            let address = arguments.b &+ done * 64
            do throws(Errno) {
                let count = try receive(socket, at: address, flags)
                try space.store(UInt32(truncatingIfNeeded: count), at: address &+ Header.bytes)
            } catch {
                if done == 0 { throw error }
                break
            }
            done += 1
            if waitsForOne { flags.insert(.dontWait) }
            // As on Linux, time is looked at only between messages.
            if Clock.monotonic >= deadline { break }
        }
        return Int(done)
    }
}
