import Testing

@testable import GuestKernel

extension KernelSuite {
    /// What the line discipline makes of typed bytes: what a program would read, and what is shown.
    @Suite(.serialized) struct LineDisciplineTests {
        private let terminal: Terminal

        init() throws {
            try FakeMachine.startThread()
            terminal = Terminal(number: 0, owner: Credentials())
        }

        private func type(_ text: String) {
            for byte in text.utf8 { terminal.typed.append(byte) }
            terminal.takeTyped()
        }

        private var shown: String { String(decoding: terminal.output.take(10_000), as: UTF8.self) }
        private func line(_ maximum: Int = 4096) -> String {
            String(decoding: terminal.input.takeLine(maximum).bytes, as: UTF8.self)
        }

        @Test("a carriage return ends a line and is read as a newline; the echo is both")
        func returnKey() {
            type("ls\r")
            #expect(line() == "ls\n")
            #expect(shown == "ls\r\n")
        }

        @Test("nothing can be read before the line has ended")
        func unfinished() {
            type("half")
            #expect(!terminal.isInputReady)
            type("\n")
            #expect(terminal.isInputReady)
        }

        @Test("erase, word erase and kill edit the line and the screen")
        func editing() {
            type("ab\u{7F}c")
            #expect(shown == "ab\u{8} \u{8}c")
            type("\u{15}one  two\u{17}\u{17}x\n")
            #expect(line() == "x\n")
        }

        @Test("erasing a UTF-8 character takes all its bytes and one column")
        func utf8() {
            terminal.settings.input.insert(.utf8)
            type("é\u{7F}")
            #expect(shown == "é\u{8} \u{8}")
            type("\n")
            #expect(line() == "\n")
        }

        @Test("erasing a tab goes back as far as it went")
        func tab() {
            type("a\t\u{7F}")
            #expect(shown == "a\t" + String(repeating: "\u{8}", count: 7))
        }

        @Test("end of file gives what was typed, and an empty read when that is nothing")
        func endOfFile() {
            type("part\u{4}\u{4}")
            #expect(line() == "part")
            #expect(terminal.isInputReady)
            #expect(line() == "")
            #expect(!terminal.isInputReady)
        }

        @Test("an end of file right behind a full read is not read a second time")
        func endOfFileBehindFullBuffer() {
            type("four\u{4}")
            #expect(line(4) == "four")
            #expect(!terminal.isInputReady)
        }

        @Test("a line longer than 4095 bytes keeps its end and loses the rest")
        func longLine() {
            type(String(repeating: "x", count: 5000) + "\n")
            #expect(line().utf8.count == 4096)
        }

        @Test("without ISIG the interrupt character is a byte like others")
        func noSignals() {
            terminal.settings.local.remove(.signals)
            terminal.settings.local.remove(.canonical)
            type("\u{3}")
            #expect(terminal.input.takeRaw(9) == [3])
        }

        @Test("the literal-next character takes the next one's meaning away")
        func literal() {
            type("\u{16}\u{3}\n")
            #expect(line() == "\u{3}\n")
        }

        @Test("stop and start hold the output and are not read")
        func flowControl() {
            type("\u{13}")
            #expect(!terminal.hasOutputRoom)
            type("\u{11}")
            #expect(terminal.hasOutputRoom)
            #expect(terminal.input.count == 0)
        }

        @Test("going raw makes an unfinished line readable")
        func toRaw() {
            type("abc")
            var raw = terminal.settings
            raw.local = []
            terminal.change(to: raw)
            #expect(terminal.input.takeRaw(9) == Array("abc".utf8))
        }

        @Test("what does not fit waits, and comes when there is room")
        func backPressure() {
            terminal.settings.local = []
            type(String(repeating: "y", count: 6000))
            #expect(terminal.input.count == 4095)
            _ = terminal.input.takeRaw(4000)
            terminal.takeTyped()
            #expect(terminal.input.count == 2000)
        }

        @Test("settings survive the trip through a program's memory")
        func encoding() {
            var other = TerminalSettings()
            other.decode(terminal.settings.encoded(withSpeeds: true))
            #expect(other.encoded(withSpeeds: true) == terminal.settings.encoded(withSpeeds: true))
            #expect(terminal.settings.encoded(withSpeeds: false).count == 36)
        }
    }
}
