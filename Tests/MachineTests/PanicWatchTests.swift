import Testing

@testable import Machine

@Suite struct PanicWatchTests {
    private func message(_ pieces: String...) -> String? {
        var watch = PanicWatch()
        for piece in pieces { watch.look(at: Array(piece.utf8)) }
        watch.endLine()
        return watch.message.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("a Linux's panic has its own words as the machine's end, however the console cuts them")
    func words() {
        #expect(
            message("[ 1.0] Kernel panic - not syncing: sysrq triggered crash\r\n[ 1.1] CPU: 0\n")
                == "sysrq triggered crash")
        #expect(message("[ 1.0] Kernel pan", "ic - not syncing: a", "b\nmore") == "ab")
        #expect(message("Kernel panic - not syncing: unfinished") == "unfinished")
        #expect(message("Kernel panic - not syncing: first\nKernel panic - not syncing: second\n") == "first")
    }

    @Test("a panic of a fault says which and where, the last one before it")
    func faults() {
        #expect(
            message(
                "[ 0.9] BUG: sleeping function called from invalid context at mm/slab.h:1\n",
                "[ 1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008\r\n",
                "[ 1.0] Oops: Oops: 0002 [#1] SMP\n[ 1.0] RIP: 0033:0x401000\n",
                "[ 1.0] RIP: 0010:f+0x4/0x10\n[ 1.0] RIP: 0010:g+0x1/0x10\n",
                "[ 1.0] Kernel panic - not syncing: Fatal exception\n")
                == "Fatal exception (BUG: kernel NULL pointer dereference, address: 0000000000000008; "
                + "RIP: 0010:f+0x4/0x10)")
        #expect(
            message("general protection fault: 0000 [#1]\nKernel panic - not syncing: Fatal exception\n")
                == "Fatal exception (general protection fault: 0000 [#1])")
        #expect(
            message("BUG: a\nRIP: 0010:f\nBUG: b\nKernel panic - not syncing: x\n") == "x (BUG: b)")
    }

    @Test("other words are none")
    func others() {
        #expect(message("Kernel panic\nnot syncing: x\n") == nil)
        #expect(message() == nil)
        #expect(message(String(repeating: "x", count: 10_000), "Kernel panic - not syncing: late\n") == nil)
    }
}
