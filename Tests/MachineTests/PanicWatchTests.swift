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

    @Test("other words are none")
    func others() {
        #expect(message("Kernel panic\nnot syncing: x\n") == nil)
        #expect(message() == nil)
        #expect(message(String(repeating: "x", count: 10_000), "Kernel panic - not syncing: late\n") == nil)
    }
}
