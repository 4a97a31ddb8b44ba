import Testing

@testable import JobWire

/// A seeded generator, so that a failing case can be run again. (SplitMix64)
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func bytes(_ lengths: ClosedRange<Int>) -> [UInt8] {
        (0..<Int.random(in: lengths, using: &self)).map { _ in UInt8.random(in: 1...255, using: &self) }
    }

    mutating func path() -> [UInt8] { [UInt8(ascii: "/")] + bytes(0...100) }
}

/// What a stream decodes to: messages, and the bytes of its data frames, in order.
enum Decoded<Message: Equatable>: Equatable {
    case message(Message)
    case data([UInt8])
}

/// Decodes `stream` in pieces that end at `cuts`, joining neighbouring data bytes.
func decode<Message: JobMessage & Equatable>(
    _: Message.Type, _ stream: [UInt8], piece: () -> Int
) throws(WireError) -> (events: [Decoded<Message>], isComplete: Bool) {
    var decoder = FrameDecoder<Message>()
    var events: [Decoded<Message>] = []
    var start = 0
    while start < stream.count {
        let end = min(stream.count, start + max(1, piece()))
        let input = Array(stream[start..<end])
        var offset = 0
        while let event = try decoder.next(in: input.span, from: &offset) {
            switch event {
            case .message(let message):
                events.append(.message(message))
            case .data(let range):
                if case .data(let before)? = events.last {
                    events[events.count - 1] = .data(before + input[range])
                } else {
                    events.append(.data(Array(input[range])))
                }
            }
        }
        #expect(offset == input.count)
        start = end
    }
    return (events, decoder.isBetweenFrames)
}

func randomHostMessage(_ random: inout SeededGenerator) -> HostMessage {
    switch Int.random(in: 0..<11, using: &random) {
    case 0:
        .begin(
            .init(
                isInputConnected: .random(using: &random), isTerminal: .random(using: &random),
                makesTemplate: .random(using: &random),
                user: .random(in: 0...UInt32.max, using: &random), group: 1, maximumProcesses: 7,
                openFiles: 9, openFilesHard: .random(in: 0...UInt32.max, using: &random)))
    case 1: .argument(random.bytes(0...5000))
    case 2: .environment(random.bytes(1...300))
    case 3: .workingDirectory(random.path())
    case 4: .directory(mode: 0o755, path: random.path())
    case 5: .file(mode: 0o644, size: .random(in: 0...UInt64.max, using: &random), path: random.path())
    case 6: .symlink(target: random.bytes(1...50), path: random.path())
    case 7: .output(index: .random(in: 0...UInt32.max, using: &random), path: random.path())
    case 8: .windowSize(.init(rows: .random(in: 0...UInt16.max, using: &random), columns: 80, height: 3))
    case 9: .powerOff
    default: .start
    }
}

func randomGuestMessage(_ random: inout SeededGenerator) -> GuestMessage {
    let number = UInt64.random(in: 0...UInt64.max, using: &random)
    let nonce = GuestMessage.Nonce(low: number, high: ~number)
    switch Int.random(in: 0..<12, using: &random) {
    case 0: return .hello(version: 1, nonce: nonce, sinceEntryNanoseconds: number)
    case 1: return .started(sinceEntryNanoseconds: number)
    case 2: return .failed(stage: .exec, errno: 2, about: random.bytes(0...200))
    case 3:
        var report = GuestMessage.ExitReport(nonce: nonce, kind: .signaled, code: 9)
        report.standardOutputBytes = number
        report.processesCreated = number &* 3
        return .exited(report)
    case 4: return .unsupported(systemCall: 317, count: number)
    case 5: return .outputFile(index: 3, mode: 0o600, size: number)
    case 6: return .outputMissing(index: 4, errno: -1)
    case 7: return .unsupportedControl(request: 0x5401, count: number)
    case 8: return .missingFile(path: random.path(), count: number)
    case 9: return .checkpoint(Bool.random(using: &random) ? .kernel : .program)
    case 10:
        return .resumed(
            .init(
                isReseeded: .random(using: &random), isClockStepped: .random(using: &random),
                isIdentityNew: .random(using: &random), wallClock: number))
    default: return .finished
    }
}

@Suite struct RoundTripTests {
    @Test(
        "any sequence of host messages and data survives any cutting into pieces",
        arguments: 0..<40 as Range<UInt64>)
    func hostMessages(seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        var stream: [UInt8] = []
        var expected: [Decoded<HostMessage>] = []
        for _ in 0..<30 {
            let message = randomHostMessage(&random)
            message.encode(to: &stream)
            expected.append(.message(message))
            if case .file = message {
                let content = random.bytes(1...3000)
                DataFrame.appendHeader(count: content.count, to: &stream)
                stream += content
                expected.append(.data(content))
            }
        }
        let largest = [1, 7, 100, 100_000][Int(seed % 4)]
        let (events, isComplete) = try decode(HostMessage.self, stream) {
            Int.random(in: 1...largest, using: &random)
        }
        #expect(events == expected)
        #expect(isComplete)
    }

    @Test(
        "any sequence of guest messages survives any cutting into pieces", arguments: 0..<40 as Range<UInt64>)
    func guestMessages(seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        var stream: [UInt8] = []
        var expected: [Decoded<GuestMessage>] = []
        for _ in 0..<50 {
            let message = randomGuestMessage(&random)
            message.encode(to: &stream)
            expected.append(.message(message))
        }
        let (events, isComplete) = try decode(GuestMessage.self, stream) {
            Int.random(in: 1...40, using: &random)
        }
        #expect(events == expected)
        #expect(isComplete)
    }

    @Test("the bytes of a frame are those docs/protocol.md names")
    func layout() {
        var out: [UInt8] = []
        HostMessage.directory(mode: 0o755, path: Array("/job".utf8)).encode(to: &out)
        #expect(out == [8, 0, 0, 0, 5, 0, 1, 0, 0xed, 1, 0, 0] + Array("/job".utf8))
    }

    @Test("machine events survive encoding")
    func machineEvents() throws {
        let events: [MachineEvent] = [
            .phase(.guestEntered, monotonicNanoseconds: 1 << 40),
            .streamClosed(port: 1026, passed: 100_000_000, dropped: 3, errno: 28),
            .ended(cause: .tripleFault, message: Array("at 0x1000".utf8)),
            .counters([.init(.exits, 12), .init(.haltExits, 3), .init(id: 99, value: 1)]),
            .log(Array("hello\n".utf8)), .log([]), .counters([]),
            .limitReached(port: 1027),
        ]
        for event in events { #expect(try MachineEvent(decoding: event.encoded()) == event) }
    }
}

@Suite struct HostileInputTests {
    private func guestError(_ bytes: [UInt8]) -> WireError? {
        do {
            _ = try decode(GuestMessage.self, bytes) { 4 }
            return nil
        } catch {
            return error
        }
    }

    @Test("HOSTILE 18: a length of 2^32-1 is refused at the header, before anything is kept for it")
    func hugeLength() {
        #expect(
            guestError([0xff, 0xff, 0xff, 0xff, 66, 0, 0, 0]) == .badLength(type: 66, length: .max))
        #expect(guestError([0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0]) == .badLength(type: 7, length: .max))
    }

    @Test("HOSTILE 18: a length of zero is refused where a payload is due, in data frames too")
    func zeroLength() {
        #expect(guestError([0, 0, 0, 0, 67, 0, 0, 0]) == .badLength(type: 67, length: 0))
        #expect(guestError([0, 0, 0, 0, 7, 0, 0, 0]) == .badLength(type: 7, length: 0))
    }

    @Test("HOSTILE 18: a frame one byte shorter or longer than its type is refused")
    func offByOne() {
        #expect(guestError([27, 0, 0, 0, 64, 0, 0, 0]) == .badLength(type: 64, length: 27))
        #expect(guestError([1, 0, 0, 0, 71, 0, 0, 0]) == .badLength(type: 71, length: 1))
    }

    @Test("HOSTILE 18: frames of the other direction and unknown types are refused")
    func wrongDirection() {
        #expect(guestError([0, 0, 0, 0, 10, 0, 0, 0]) == .unknownType(10))
        #expect(guestError([0, 0, 0, 0, 0xff, 0xff, 0, 0]) == .unknownType(0xffff))
    }

    @Test("HOSTILE 18: a frame of another job, or of none where it must be of one, is refused at its header")
    func wrongJob() {
        let finished: [UInt8] = [0, 0, 0, 0, 71, 0]
        #expect(guestError(finished + [1, 0]) == nil)
        #expect(guestError(finished + [0, 0]) == .wrongJob(type: 71, .machine))
        #expect(guestError(finished + [2, 0]) == .wrongJob(type: 71, JobID(rawValue: 2)))
        #expect(guestError(finished + [1, 1]) == .wrongJob(type: 71, JobID(rawValue: 257)))
        #expect(guestError([28, 0, 0, 0, 64, 0, 1, 0]) == .wrongJob(type: 64, .only))
        #expect(guestError([1, 0, 0, 0, 7, 0, 0, 0]) == .wrongJob(type: 7, .machine))
        #expect(guestError([1, 0, 0, 0, 7, 0, 9, 0]) == .wrongJob(type: 7, JobID(rawValue: 9)))
        for (message, job) in [(HostMessage.start, JobID.machine), (.powerOff, .only)] {
            var bytes: [UInt8] = []
            message.encode(to: &bytes)
            bytes[6] = UInt8(job.rawValue)
            #expect(throws: WireError.wrongJob(type: UInt16(bytes[4]), job)) {
                try decode(HostMessage.self, bytes) { 3 }
            }
        }
    }

    @Test("an end that has another job takes its frames and the machine's, and the first job's no more")
    func otherJob() throws {
        let job = JobID(rawValue: 300)
        var own: [UInt8] = []
        HostMessage.argument([65]).encode(to: &own, job: job)
        HostMessage.powerOff.encode(to: &own, job: job)
        var other: [UInt8] = []
        HostMessage.argument([65]).encode(to: &other)
        var decoder = FrameDecoder<HostMessage>(job: job)
        var offset = 0
        guard case .message(.argument([65]))? = try decoder.next(in: own.span, from: &offset),
            case .message(.powerOff)? = try decoder.next(in: own.span, from: &offset)
        else {
            Issue.record("not taken")
            return
        }
        offset = 0
        #expect(throws: WireError.wrongJob(type: 2, .only)) {
            try decoder.next(in: other.span, from: &offset)
        }
    }

    @Test("HOSTILE 18: a frame that never ends is an incomplete stream, not an event")
    func unterminated() throws {
        let (events, isComplete) = try decode(GuestMessage.self, [28, 0, 0, 0, 64, 0, 0, 0, 1, 2, 3]) { 1 }
        #expect(events.isEmpty)
        #expect(!isComplete)
    }

    @Test("HOSTILE 18: after an error the decoder stays failed")
    func staysFailed() {
        var decoder = FrameDecoder<GuestMessage>()
        let bad: [UInt8] = [0, 0, 0, 0, 1, 0, 0, 0]
        let good: [UInt8] = [0, 0, 0, 0, 71, 0, 0, 0]
        var offset = 0
        #expect(throws: WireError.unknownType(1)) { try decoder.next(in: bad.span, from: &offset) }
        offset = 0
        #expect(throws: WireError.unknownType(1)) { try decoder.next(in: good.span, from: &offset) }
    }

    @Test("HOSTILE 18: arguments with NUL, relative paths and unknown kinds are refused")
    func badValues() {
        var argument: [UInt8] = []
        HostMessage.argument([65, 0, 66]).encode(to: &argument)
        var relative: [UInt8] = []
        HostMessage.workingDirectory(Array("job".utf8)).encode(to: &relative)
        for stream in [argument, relative] {
            #expect(throws: WireError.badValue(type: UInt16(stream[4]))) {
                try decode(HostMessage.self, stream) { 100 }
            }
        }
        var exited: [UInt8] = []
        GuestMessage.exited(.init(nonce: .init(low: 0, high: 0), kind: .exited, code: 0)).encode(to: &exited)
        exited[8 + 16] = 3
        #expect(guestError(exited) == .badValue(type: 67))
    }

    @Test(
        "HOSTILE 18: random bytes never trap and never yield more messages than frames fit",
        arguments: 0..<200 as Range<UInt64>)
    func garbage(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var stream: [UInt8] = []
        for _ in 0..<20 { randomGuestMessage(&random).encode(to: &stream) }
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            stream[Int.random(in: 0..<stream.count, using: &random)] = .random(in: 0...255, using: &random)
        }
        let events = try? decode(GuestMessage.self, stream) { Int.random(in: 1...64, using: &random) }.events
        #expect((events ?? []).count <= stream.count / WireLimit.header)
    }

    @Test("HOSTILE 18: random event datagrams never trap", arguments: 0..<500 as Range<UInt64>)
    func garbageEvents(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        var datagram = random.bytes(0...60)
        if datagram.count >= 4 { datagram.replaceSubrange(0..<4, with: [UInt8(seed % 8), 0, 0, 0]) }
        if let event = try? MachineEvent(decoding: datagram) {
            #expect(event.encoded() == datagram)
        }
    }
}
