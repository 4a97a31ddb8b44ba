import JobWire
import Testing

@testable import GuestInit

/// What process 1 does around its checkpoint: the machine that is "restored" is the same process with new connections. It
/// ends with a panic if it saves while one is open.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct TemplateTests {
    private func order(_ job: JobOnHost) -> [String] {
        job.messages.map { message in
            String("\(message)".prefix { $0 != "(" })
        }
    }

    @Test("a job without a command is saved as soon as it is whole; a restored one greets anew and runs any job")
    func kernel() throws {
        let (maker, restored) = try JobOnHost.template([], then: ["sh", "-c", "echo \"$0\"; exit 4", "word"])
        #expect(order(maker) == ["hello", "checkpoint"])
        #expect(maker.messages.last == .checkpoint(.kernel))
        #expect(order(restored) == ["hello", "resumed", "started", "exited", "finished"])
        #expect(restored.text == "word\n" && restored.report?.code == 4)
        #expect(restored.report?.nonce == GuestInitOnHost.restoredNonce)
    }
}
