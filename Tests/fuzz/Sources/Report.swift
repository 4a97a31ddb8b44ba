import Glibc
import JobWire
import LinuxSystem

@testable import JobRunner

/// The guest's whole report as the launcher takes it, with the output files that are in it:
///
///     input: | outputs and chunk size 1 B | messages … |
///
/// A message is a kind and its fields, or raw bytes; it goes through the encoder, so that chance has to find the order and
/// the values and not the lengths. Whatever comes, no file may be left, and none may have been published without `finished`.
func fuzzReport(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let setting = input.byte()
    let outputs = (0..<Int(setting & 3)).map { index in
        JobRequest.OutputFile(
            guestPath: Array("/out".utf8), hostPath: reportDirectory + Array("/\(index)".utf8))
    }
    let chunk = Int(setting >> 2) * 5 + 1
    var stream: [UInt8] = []
    while !input.isEmpty { encodeReportPart(&input, to: &stream) }
    receive(stream, chunk: chunk, outputs)
    let left = (try? listDirectory(reportDirectory)) ?? []
    precondition(left.isEmpty, "files are left: \(left.map { String(decoding: $0, as: UTF8.self) })")
}

private let reportDirectory: [UInt8] = {
    var template = Array("/tmp/swiftlet-fuzz-XXXXXX".utf8CString)
    let path = template.withUnsafeMutableBufferPointer { name in
        name.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let path else { preconditionFailure("no directory for output files") }
    directoryOfThisRun = path
    atexit { if let path = directoryOfThisRun { rmdir(path) } }
    return Array(path.utf8)
}()
// SAFETY: written once, before the handler that reads it is installed; one thread.
nonisolated(unsafe) private var directoryOfThisRun: String?

/// What the launcher has told the machine.
private let bootNonce = GuestMessage.Nonce(low: 1, high: 2)

private func encodeReportPart(_ input: inout FuzzInput, to stream: inout [UInt8]) {
    switch input.byte() % 14 {
    case 0: GuestMessage.hello(version: 1, nonce: bootNonce, sinceEntryNanoseconds: 5).encode(to: &stream)
    case 1: GuestMessage.started(sinceEntryNanoseconds: input.number()).encode(to: &stream)
    case 2:
        GuestMessage.failed(
            stage: input.choose([.inputFile, .exec, .outOfMemory, .workingDirectory]),
            errno: Int32(truncatingIfNeeded: input.number()), about: input.bytes(atMost: 20)
        ).encode(to: &stream)
    case 3:
        var report = GuestMessage.ExitReport(
            nonce: input.byte() == 7 ? GuestMessage.Nonce(low: 0, high: 0) : bootNonce,
            kind: input.choose([.exited, .signaled, .outOfMemory]),
            code: UInt32(truncatingIfNeeded: input.number()))
        report.standardOutputBytes = input.number()
        GuestMessage.exited(report).encode(to: &stream)
    case 4:
        GuestMessage.unsupported(systemCall: input.integer(), count: input.number()).encode(to: &stream)
    case 5:
        GuestMessage.unsupportedControl(request: input.integer(), count: input.number()).encode(to: &stream)
    case 6:
        GuestMessage.missingFile(path: input.bytes(atMost: 20), count: input.number()).encode(to: &stream)
    case 7:
        GuestMessage.outputFile(
            index: UInt32(input.byte() % 5), mode: input.integer(),
            size: input.flag() ? UInt64(input.byte()) : input.number()
        ).encode(to: &stream)
    case 8:
        GuestMessage.outputMissing(
            index: UInt32(input.byte() % 5), errno: Int32(truncatingIfNeeded: input.number())
        ).encode(to: &stream)
    case 9: GuestMessage.finished.encode(to: &stream)
    case 10: GuestMessage.checkpoint(input.choose([.kernel, .program])).encode(to: &stream)
    case 11:
        GuestMessage.resumed(
            .init(
                isReseeded: input.flag(), isClockStepped: true, isIdentityNew: true,
                wallClock: input.number())
        ).encode(to: &stream)
    case 12:
        let data = input.bytes(atMost: 255)
        stream += [UInt8(data.count), 0, 0, 0, 7, 0, 0, 0] + data
    default: stream += input.bytes(atMost: 30)
    }
}

/// As `JobLoop` does it.
private func receive(_ stream: [UInt8], chunk: Int, _ files: [JobRequest.OutputFile]) {
    let isRestored = chunk % 2 == 0
    let makesTemplate = chunk % 3 == 0
    var reader = ReportReader(
        outputCount: files.count, nonce: bootNonce, isRestored: isRestored, makesTemplate: makesTemplate)
    var isConfirmed = false
    guard let places = try? OutputCollector.places(of: files) else { return }
    var outputs = OutputCollector(files, at: places)
    var isFinished = false
    var start = 0
    do throws(ReportReader.Failure) {
        while start < stream.count {
            let piece = Array(stream[start..<min(stream.count, start + chunk)])
            start += piece.count
            try reader.read(piece.span) { event in
                precondition(!isFinished, "an event behind the end")
                switch event {
                case .outputBegins(let index, let mode, let size):
                    outputs.begin(index: index, mode: mode, size: size)
                case .outputData(let range):
                    piece.withUnsafeBytes { outputs.write(UnsafeRawBufferPointer(rebasing: $0[range])) }
                case .outputEnds(let index): outputs.end(index: index)
                case .outputMissing(let index, let errno): outputs.missing(index: index, errno: errno)
                case .finished: isFinished = true
                case .exited(let report):
                    precondition(report.nonce == bootNonce, "a report of another boot")
                case .resumed: isConfirmed = true
                case .checkpoint:
                    precondition(makesTemplate, "a checkpoint of a job")
                    isFinished = true
                case .started, .failed:
                    precondition(isConfirmed || !isRestored, "a restored guest began unconfirmed")
                case .hello: break
                }
            }
        }
    } catch {
        isFinished = false
    }
    let results = isFinished && reader.mayEnd ? outputs.publish() : outputs.results()
    precondition(isFinished || results.allSatisfy { $0.size == nil }, "published without `finished`")
    for result in results where result.size != nil {
        let status = try? PathStatus(of: result.hostPath, followingLinks: false)
        precondition(status.map { UInt64($0.size) } == result.size, "an output file of another size")
        try? unlinkFile(result.hostPath)
    }
}
