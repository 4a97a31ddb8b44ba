import Testing

@testable import JobWire

/// What an intake did with its files, in order.
private struct RecordedFiles: JobFileSink {
    enum Action: Equatable {
        case begin(user: UInt32)
        case directory([UInt8], mode: UInt32)
        case link([UInt8], target: [UInt8])
        case file([UInt8], mode: UInt32)
        case bytes([UInt8])
        case end
    }

    struct Refusal: Error, Equatable {}

    private(set) var actions: [Action] = []
    /// Nothing can be made at this path, and nothing be written to it.
    var refused: [UInt8]?
    private var path: [UInt8] = []

    mutating func begin(_ begin: HostMessage.Begin) { actions.append(.begin(user: begin.user)) }

    mutating func makeDirectory(_ path: [UInt8], mode: UInt32) throws(Refusal) {
        if path == refused { throw Refusal() }
        actions.append(.directory(path, mode: mode))
    }

    mutating func makeLink(_ path: [UInt8], to target: [UInt8]) throws(Refusal) {
        if path == refused { throw Refusal() }
        actions.append(.link(path, target: target))
    }

    mutating func beginFile(_ path: [UInt8], mode: UInt32) throws(Refusal) {
        self.path = path
        actions.append(.file(path, mode: mode))
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(Refusal) {
        if path == refused { throw Refusal() }
        if case .bytes(let before)? = actions.last {
            actions[actions.count - 1] = .bytes(before + bytes)
        } else {
            actions.append(.bytes(Array(bytes)))
        }
    }

    mutating func endFile() { actions.append(.end) }
}

/// An intake behind a decoder, as a guest has it.
private struct Guest {
    private var decoder = FrameDecoder<HostMessage>()
    private var intake: JobIntake
    var files = RecordedFiles()
    private(set) var begun: HostMessage.Begin?
    private(set) var isComplete = false

    var specification: JobSpecification { intake.specification }

    init(isResumption: Bool = false) { intake = JobIntake(isResumption: isResumption) }

    mutating func take(_ bytes: ArraySlice<UInt8>) throws {
        let input = Array(bytes)
        var offset = 0
        while let event = try decoder.next(in: input.span, from: &offset) {
            switch event {
            case .message(let message):
                switch try intake.take(message, into: &files) {
                case .more: break
                case .begun(let begin): begun = begin
                case .complete: isComplete = true
                }
            case .data(let range):
                try input[range].withUnsafeBytes { try intake.take($0, into: &files) }
            }
        }
    }
}

@Suite struct JobIntakeTests {
    private static let begin = HostMessage.begin(.init(isInputConnected: true, user: 7, group: 8))
    private static let start = HostMessage.start

    private static func stream(_ messages: [HostMessage], data: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        for message in messages {
            message.encode(to: &bytes)
            if case .file(_, let size, _) = message, size > 0, !data.isEmpty {
                DataFrame.appendHeader(count: data.count, to: &bytes)
                bytes += data
            }
        }
        return bytes
    }

    private static func path(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// A job with one of everything.
    private static let whole = stream(
        [
            .begin(.init(isInputConnected: true, isTerminal: true, user: 7, group: 8)),
            .windowSize(.init(rows: 24, columns: 80)),
            .argument(path("x")), .environment(path("A=b")), .workingDirectory(path("/w")),
            .directory(mode: 0o700, path: path("/d")), .file(mode: 0o644, size: 5, path: path("/d/f")),
            .file(mode: 0o600, size: 0, path: path("/d/e")), .symlink(target: path("f"), path: path("/d/l")),
            .output(index: 3, path: path("/o")), .start,
        ], data: [1, 2, 3, 4, 5])

    private func check(_ guest: Guest) {
        #expect(guest.isComplete && guest.begun?.isInputConnected == true)
        #expect(
            guest.files.actions == [
                .begin(user: 7), .directory(Self.path("/d"), mode: 0o700),
                .file(Self.path("/d/f"), mode: 0o644), .bytes([1, 2, 3, 4, 5]), .end,
                .file(Self.path("/d/e"), mode: 0o600), .end, .link(Self.path("/d/l"), target: Self.path("f")),
            ])
        let job = guest.specification
        #expect(job.arguments == [Self.path("x")] && job.environment == [Self.path("A=b")])
        #expect(job.workingDirectory == Self.path("/w") && job.windowSize?.columns == 80)
        #expect(job.outputs.map(\.index) == [3] && job.outputs.map(\.path) == [Self.path("/o")])
    }

    @Test("a job comes in the same wherever its stream is split")
    func everySplit() throws {
        for split in 0...Self.whole.count {
            var guest = Guest()
            try guest.take(Self.whole[..<split])
            #expect(guest.isComplete == (split == Self.whole.count))
            try guest.take(Self.whole[split...])
            check(guest)
        }
    }

    @Test("a job comes in the same byte by byte")
    func everyByte() throws {
        var guest = Guest()
        for index in Self.whole.indices { try guest.take(Self.whole[index...index]) }
        check(guest)
    }

    /// What taking `bytes` fails with: the same in one piece, in two at every point, and byte by byte.
    private func failure(
        _ bytes: [UInt8], isResumption: Bool = false, refused: String? = nil
    ) -> (any Error)? {
        func take(cuts: [Int]) -> (any Error)? {
            var guest = Guest(isResumption: isResumption)
            guest.files.refused = refused.map { Self.path($0) }
            var start = 0
            do {
                for end in cuts + [bytes.count] {
                    try guest.take(bytes[start..<end])
                    start = end
                }
                return nil
            } catch {
                return error
            }
        }
        let whole = take(cuts: [])
        for split in bytes.indices { #expect("\(take(cuts: [split]) as Any)" == "\(whole as Any)") }
        #expect("\(take(cuts: Array(bytes.indices)) as Any)" == "\(whole as Any)")
        return whole
    }

    private func violation(_ bytes: [UInt8], isResumption: Bool = false) -> JobViolation? {
        guard
            case .violation(let violation)? = failure(bytes, isResumption: isResumption)
                as? JobIntakeError<RecordedFiles.Refusal>
        else { return nil }
        return violation
    }

    @Test("HOSTILE 18: what comes before begin, or after start, is refused, however the stream is split")
    func order() {
        let argument = HostMessage.argument([65])
        #expect(violation(Self.stream([argument])) == .noBegin)
        #expect(violation(Self.stream([Self.start])) == .noBegin)
        #expect(violation(Self.stream([Self.begin, Self.begin])) == .secondBegin)
        #expect(violation(Self.stream([Self.begin, argument, .powerOff])) == .powerOffBeforeStart)
        #expect(violation(Self.stream([Self.begin, argument, Self.start, argument])) == .afterStart)
        #expect(violation(Self.stream([Self.begin, argument, Self.start, Self.begin])) == .afterStart)
    }

    @Test("HOSTILE 18: a begin of another version is refused, and a template's maker with streams")
    func badBegin() {
        #expect(
            violation(Self.stream([.begin(.init(version: 2, isInputConnected: false, user: 0, group: 0))]))
                == .version)
        #expect(
            violation(
                Self.stream([
                    .begin(.init(isInputConnected: true, makesTemplate: true, user: 0, group: 0))
                ])) == .templateWithStreams)
        #expect(
            violation(
                Self.stream([
                    .begin(
                        .init(
                            isInputConnected: false, isTerminal: true, makesTemplate: true, user: 0, group: 0)
                    )
                ])) == .templateWithStreams)
    }

    @Test("a job needs a command, unless one runs already or the booted kernel is the template")
    func command() {
        let maker = HostMessage.begin(.init(isInputConnected: false, makesTemplate: true, user: 0, group: 0))
        #expect(violation(Self.stream([Self.begin, Self.start])) == .noCommand)
        #expect(failure(Self.stream([Self.begin, Self.start]), isResumption: true) == nil)
        #expect(failure(Self.stream([maker, Self.start])) == nil)
    }

    @Test("HOSTILE 18: bytes that no file waits for are refused, and a file that ends before its size")
    func sizes() {
        let file = HostMessage.file(mode: 0o644, size: 4, path: Self.path("/f"))
        let empty = HostMessage.file(mode: 0o644, size: 0, path: Self.path("/f"))
        var data: [UInt8] = []
        DataFrame.appendHeader(count: 1, to: &data)
        data.append(9)
        #expect(violation(data) == .dataOfNoFile)
        #expect(violation(Self.stream([Self.begin]) + data) == .dataOfNoFile)
        #expect(violation(Self.stream([Self.begin, empty]) + data) == .dataOfNoFile)
        #expect(violation(Self.stream([Self.begin, file], data: [1, 2, 3, 4]) + data) == .dataOfNoFile)
        #expect(violation(Self.stream([Self.begin, file, empty], data: [1, 2, 3])) == .fileCutShort)
        #expect(violation(Self.stream([Self.begin, file, Self.start])) == .fileCutShort)
        #expect(violation(Self.stream([Self.begin, file, Self.begin], data: [1, 2, 3])) == .secondBegin)
    }

    @Test("HOSTILE 18: a data frame that is longer than what its file misses is refused")
    func tooMuchData() throws {
        var guest = Guest()
        var bytes = Self.stream([Self.begin, .file(mode: 0o644, size: 2, path: Self.path("/f"))])
        DataFrame.appendHeader(count: 3, to: &bytes)
        try guest.take(bytes[...])
        #expect(throws: JobIntakeError<RecordedFiles.Refusal>.self) { try guest.take([1, 2, 3]) }
        #expect(guest.files.actions.last == .file(Self.path("/f"), mode: 0o644))
    }

    @Test("a window size needs a terminal, and outputs have their limit")
    func limits() {
        #expect(
            violation(Self.stream([Self.begin, .windowSize(.init(rows: 1, columns: 1))]))
                == .windowWithoutTerminal)
        var guest = Guest()
        let outputs = (0...JobSpecification.maximumOutputs).map {
            HostMessage.output(index: UInt32($0), path: Self.path("/o"))
        }
        #expect(throws: JobIntakeError<RecordedFiles.Refusal>.self) {
            try guest.take(Self.stream([Self.begin] + outputs)[...])
        }
        #expect(guest.specification.outputs.count == JobSpecification.maximumOutputs)
    }

    @Test("a file that cannot be made or written is named, however the stream is split")
    func refusedFile() {
        let job = Self.stream(
            [
                Self.begin, .directory(mode: 0o755, path: Self.path("/d")),
                .file(mode: 0o644, size: 3, path: Self.path("/f")),
                .symlink(target: Self.path("t"), path: Self.path("/l")),
            ], data: [1, 2, 3])
        for path in ["/d", "/f", "/l"] {
            guard
                case .file(let named, _)? = failure(job, refused: path)
                    as? JobIntakeError<RecordedFiles.Refusal>
            else {
                Issue.record("not refused: \(path)")
                continue
            }
            #expect(named == Self.path(path))
        }
    }
}
