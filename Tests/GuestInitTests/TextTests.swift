import Testing

@testable import GuestInit

struct TextTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("a counter of /proc is found by its whole name, and only as a number")
    func counters() {
        let text = bytes("oom_kill_process 7\nprocesses 4711\nmax 12\ncpu  1 2\nbad 1x\nlast 3")
        #expect(Text.number(named: "processes", in: text) == 4711)
        #expect(Text.number(named: "max", in: text) == 12)
        #expect(Text.number(named: "oom_kill", in: text) == nil)
        #expect(Text.number(named: "cpu", in: text) == 1)
        #expect(Text.number(named: "bad", in: text) == nil)
        #expect(Text.number(named: "last", in: text) == 3)
    }

    @Test("numbers are written in decimal, from 0 to the largest")
    func decimal() {
        #expect(Text.decimal(0) == bytes("0"))
        #expect(Text.decimal(1_002_003) == bytes("1002003"))
        #expect(Text.decimal(.max) == bytes("18446744073709551615"))
    }

    @Test("how a process ended is read from wait's status: its code, or its signal whether or not it left a core")
    func ends() {
        #expect(ProcessEnd(status: 7 << 8).signal == nil)
        #expect(ProcessEnd(status: 255 << 8).code == 255)
        #expect(ProcessEnd(status: 9).signal == 9)
        #expect(ProcessEnd(status: 0x80 | 11).signal == 11)
    }
}

struct ScratchDiskTests {
    @Test("a scratch disk becomes swap space as mkswap writes it: version 1, its last page, the signature at the page's end")
    func header() {
        let page = ScratchDisk.header(pages: 0x12345)
        #expect(page.count == 4096)
        #expect(Array(page[1024..<1036]) == [1, 0, 0, 0, 0x44, 0x23, 1, 0, 0, 0, 0, 0])
        #expect(page[4086...].elementsEqual("SWAPSPACE2".utf8))
    }

    @Test("without a disk the layer leaves programs a tenth of the memory, of a small machine 12 MiB, never over half")
    func room() {
        #expect(ScratchDisk.roomInMemory(free: 1000 << 20) == 900 << 20)
        #expect(ScratchDisk.roomInMemory(free: 40 << 20) == 28 << 20)
        #expect(ScratchDisk.roomInMemory(free: 10 << 20) == 5 << 20)
        #expect(ScratchDisk.roomInMemory(free: 0) == 0)
    }

    @Test("a number of /proc with 0x is read, anything else is none")
    func hexadecimal() {
        #expect(Text.hexadecimal(Array("0x1aF".utf8)[...]) == nil)
        #expect(Text.hexadecimal(Array("0x1af".utf8)[...]) == 0x1af)
        #expect(Text.hexadecimal(Array("0xffffffffffffffff".utf8)[...]) == .max)
        for text in ["", "0x", "12", "0xg", "0x00000000000000000"] {
            #expect(Text.hexadecimal(Array(text.utf8)[...]) == nil)
        }
    }

    @Test("a boot_id is a UUID of version 4, with the random bits in their places")
    func uuid() {
        let zeros = Text.uuid(InlineArray(repeating: 0))
        #expect(String(decoding: zeros, as: UTF8.self) == "00000000-0000-4000-8000-000000000000")
        let ones = Text.uuid(InlineArray(repeating: 255))
        #expect(String(decoding: ones, as: UTF8.self) == "ffffffff-ffff-4fff-bfff-ffffffffffff")
    }
}
