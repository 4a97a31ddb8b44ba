import Testing

@testable import Machine

@Suite struct SerialPortTests {
    private func port(limit: Int = 1000) throws -> (SerialPort, VCPUMailbox) {
        let mailbox = try VCPUMailbox()
        return (SerialPort(mailbox: mailbox, limit: limit), mailbox)
    }

    private func lines(_ mailbox: VCPUMailbox) -> [String] {
        mailbox.take().map { message in
            guard case .log(let bytes) = message else { return "?" }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    private func write(_ text: String, to port: SerialPort) {
        for byte in text.utf8 { port.write(0x3F8, byte) }
    }

    @Test("what a driver sends arrives by the line, and its transmitter is always empty")
    func lines() throws {
        let (port, mailbox) = try port()
        write("one\ntwo", to: port)
        #expect(lines(mailbox) == ["one\n"])
        port.flush()
        #expect(lines(mailbox) == ["two"])
        #expect(port.read(0x3FD) == 0x60)
    }

    @Test("a divisor is not text")
    func divisor() throws {
        let (port, mailbox) = try port()
        port.write(0x3FB, 0x83)
        port.write(0x3F8, 1)
        port.write(0x3FB, 3)
        write("x\n", to: port)
        #expect(lines(mailbox) == ["x\n"])
        #expect(port.read(0x3FB) == 3)
    }

    @Test("HOSTILE 9: a flood is passed on up to the limit, in lines that are never long")
    func flood() throws {
        let (port, mailbox) = try port(limit: 1000)
        for _ in 0..<100_000 { port.write(0x3F8, 0x41) }
        let lines = lines(mailbox)
        #expect(lines.allSatisfy { $0.utf8.count <= 256 })
        #expect(lines.reduce(0) { $0 + $1.utf8.count } == 1000)
    }
}
