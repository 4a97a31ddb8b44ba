import GuestNucleus

@testable import GuestKernel

/// A process on the fake machine, whose system calls the tests make. It must not wait: there is nobody to
/// wait for.
final class TestProgram {
    static let workingDirectory = UInt64(bitPattern: -100)

    let process: Process
    private let thread: Thread
    /// Where the program keeps what it passes by address: 1 MiB, used up from the start.
    private let memory: UInt64 = 0x10_0000
    private var used: UInt64 = 0

    init() throws {
        FakeMachine.start()
        let space = try AddressSpace()
        space.insert(
            MemoryArea(
                start: memory, end: memory + 0x10_0000, access: [.read, .write], isShared: false,
                growsDown: false,
                backing: .anonymous))
        process = Process(
            id: Processes.newID(), parent: nil, space: space, files: FileTable(),
            directories: FileSystemContext())
        process.name = [UInt8]("test")
        thread = Thread(id: process.id, process: process)
        process.threads = [thread]
        Processes.all.append(process)
        Scheduler.impersonate(thread)
    }

    deinit { Processes.all.removeAll { $0 === process } }

    /// - Returns: the result, or minus the error number.
    @discardableResult
    func call(
        _ number: UInt64, _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0, _ d: UInt64 = 0, _ e: UInt64 = 0,
        _ f: UInt64 = 0
    ) -> Int {
        Scheduler.impersonate(thread)
        let registers = thread.registers
        registers.pointee.rax = number
        registers.pointee.rdi = a
        registers.pointee.rsi = b
        registers.pointee.rdx = c
        registers.pointee.r10 = d
        registers.pointee.r8 = e
        registers.pointee.r9 = f
        return Int(truncatingIfNeeded: Int64(bitPattern: SystemCalls.serve(registers)))
    }

    /// Room in the program's memory.
    func room(_ bytes: Int) -> UInt64 {
        defer { used += UInt64(bytes + 15) & ~15 }
        return memory + used
    }

    func place(_ bytes: [UInt8]) -> UInt64 {
        let address = room(bytes.count)
        try! process.space.write(bytes, to: address)
        return address
    }

    /// The same place each time, at the end of the program's memory: for tests that move much.
    func reused(_ bytes: [UInt8]) -> UInt64 {
        let address = memory + 0xF_0000
        try! process.space.write(bytes, to: address)
        return address
    }

    func path(_ text: String) -> UInt64 { place(Array(text.utf8) + [0]) }

    func bytes(_ address: UInt64, _ count: Int) -> [UInt8] {
        try! process.space.read(from: address, count: count)
    }

    func value<Value: FixedWidthInteger & BitwiseCopyable>(_ address: UInt64, _: Value.Type) -> Value {
        try! process.space.load(Value.self, at: address)
    }

    // MARK: Short for common calls

    func open(_ path: String, _ flags: UInt32 = 0, mode: UInt64 = 0o644) -> Int {
        call(2, self.path(path), UInt64(flags), mode)
    }

    func write(_ descriptor: Int, _ text: String) -> Int {
        let bytes = Array(text.utf8)
        return call(1, UInt64(bitPattern: Int64(descriptor)), place(bytes), UInt64(bytes.count))
    }

    func read(_ descriptor: Int, _ count: Int = 4096) -> String {
        let buffer = room(count)
        let got = call(0, UInt64(bitPattern: Int64(descriptor)), buffer, UInt64(count))
        return got < 0 ? "error \(-got)" : text(bytes(buffer, got))
    }

    func close(_ descriptor: Int) { call(3, UInt64(descriptor)) }

    func contents(_ path: String) -> String {
        let descriptor = open(path)
        guard descriptor >= 0 else { return "error \(-descriptor)" }
        defer { close(descriptor) }
        var result = ""
        while true {
            let part = read(descriptor, 8192)
            if part.isEmpty { return result }
            result += part
        }
    }

    func put(_ path: String, _ text: String) -> Int {
        let descriptor = open(path, OpenFlags.create | OpenFlags.truncate | OpenFlags.writeOnly)
        guard descriptor >= 0 else { return descriptor }
        defer { close(descriptor) }
        return write(descriptor, text)
    }

    struct Status {
        var inode: UInt64
        var links: UInt64
        var mode: UInt32
        var user: UInt32
        var size: UInt64
    }

    func status(_ path: String, follow: Bool = true) -> Status? {
        let buffer = room(144)
        guard call(follow ? 4 : 6, self.path(path), buffer) == 0 else { return nil }
        return Status(
            inode: value(buffer + 8, UInt64.self), links: value(buffer + 16, UInt64.self),
            mode: value(buffer + 24, UInt32.self), user: value(buffer + 28, UInt32.self),
            size: value(buffer + 48, UInt64.self))
    }

    /// The names of a directory, in order.
    func list(_ path: String) -> [String] {
        let descriptor = open(path, OpenFlags.directory)
        guard descriptor >= 0 else { return ["error \(-descriptor)"] }
        defer { close(descriptor) }
        let buffer = room(300)
        var names: [String] = []
        while true {
            let count = call(217, UInt64(descriptor), buffer, 300)
            if count <= 0 { return names }
            let record = bytes(buffer, count)
            var at = 0
            while at < count {
                let length = Int(record[at + 16]) | Int(record[at + 17]) << 8
                names.append(
                    String(decoding: record[(at + 19)..<(at + length)].prefix { $0 != 0 }, as: UTF8.self))
                at += length
            }
        }
    }
}
