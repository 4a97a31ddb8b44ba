import Glibc
import LinuxSystem
import SystemPackage

@testable import SwiftletCLI

// What a user's file of jobs reaches in `swiftlet batch`.

/// One JSON text. What is read is written and read again, and must be the same.
func fuzzJSON(_ input: [UInt8]) {
    guard let value = try? JSONReader.value(of: input) else { return }
    var writer = JSONWriter()
    write(value, to: &writer)
    let again = try? JSONReader.value(of: Array(writer.text.utf8))
    precondition(withoutNumbers(value) == again, "\(value) does not survive: \(writer.text)")
}

private func write(_ value: JSONValue, to writer: inout JSONWriter) {
    switch value {
    case .null: writer.null()
    case .boolean(let isTrue): writer.boolean(isTrue)
    case .number: writer.number(0)
    case .string(let text): writer.string(text)
    case .array(let elements): writer.array { writer in elements.forEach { write($0, to: &writer) } }
    case .object(let members):
        writer.object { writer in
            for member in members {
                writer.key(member.name)
                write(member.value, to: &writer)
            }
        }
    }
}

/// Numbers are kept as they were written, so each stands for 0 here.
private func withoutNumbers(_ value: JSONValue) -> JSONValue {
    switch value {
    case .number: .number("0")
    case .array(let elements): .array(elements.map(withoutNumbers))
    case .object(let members):
        .object(members.map { .init(name: $0.name, value: withoutNumbers($0.value)) })
    default: value
    }
}

/// One line of a batch, with the options and quantities in it. An accepted job keeps to the limits of the options.
func fuzzBatchJob(_ input: [UInt8]) {
    guard let job = try? BatchJob(line: input, defaults: RunOptions()) else { return }
    precondition(!job.command.isEmpty, "a job without a command")
    precondition(job.command.allSatisfy { !$0.contains(0) }, "a word with a NUL byte")
    precondition(job.options.memoryBytes >= RunOptions.minimumMemory, "too little memory was accepted")
    for text in job.options.inputs {
        _ = try? PathPair.input(text, workingDirectory: job.options.workingDirectory)
    }
    for text in job.options.outputs {
        _ = try? PathPair.output(
            text, workingDirectory: job.options.workingDirectory, isDirectory: { $0.hasSuffix("d") })
    }
}

/// A pipe that fills piece by piece. The lines must be those of the whole, without the blank ones.
func fuzzLines(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    guard let ends = try? Pipe() else { preconditionFailure("no pipe") }
    var reader = LineReader(ends.reading.borrowed)
    var whole: [UInt8] = []
    var found: [[UInt8]] = []
    func take() {
        while true {
            switch try? reader.next() {
            case .line(_, let line)?: found.append(line)
            case .notYet?: return
            case .end?: return
            case .tooLong?, nil: preconditionFailure("a short line is too long, or reading failed")
            }
        }
    }
    while !input.isEmpty {
        let piece = input.bytes(atMost: 40)
        whole += piece
        try? ends.writing?.borrowed.write(all: piece)
        take()
    }
    ends.writing = nil
    take()
    withExtendedLifetime(ends) {}  // whose reading end the reader only borrows
    let expected = whole.split(separator: 0x0a, omittingEmptySubsequences: true).map(Array.init)
        .filter { !$0.allSatisfy { [0x20, 0x09, 0x0d].contains($0) } }
    precondition(found == expected, "lines were lost or split")
}

private final class Pipe {
    let reading: OwnedDescriptor
    var writing: OwnedDescriptor?

    init() throws {
        var ends: [CInt] = [0, 0]
        reading = try OwnedDescriptor(checking: pipe(&ends) == 0 ? ends[0] : -errno)
        writing = OwnedDescriptor(owning: FileDescriptor(rawValue: ends[1]))
    }
}

/// The results of an earlier run, which `--resume` reads; what is left of the file is whole lines and is read the same again.
func fuzzResume(_ input: [UInt8]) {
    guard let file = try? OwnedDescriptor.memoryFile(name: "results") else { preconditionFailure("no file") }
    try? file.borrowed.write(all: input)
    let path = "/proc/self/fd/\(file.borrowed.rawValue)"
    let count: Int
    do throws(BatchFailure) {
        let output = try BatchOutput(path: path, resumes: true, isOrdered: true)
        count = output.doneCount
    } catch {
        preconditionFailure("\(error)")
    }
    let left = (try? file.borrowed.read(at: 0, upTo: input.count + 1)) ?? []
    precondition(left.isEmpty || left.last == 0x0a, "half a line is left")
    precondition(input.starts(with: left), "what was there has changed")
    precondition(count <= left.count { $0 == 0x0a }, "more results than lines")
}
