import Glibc
import LinuxSystem
import SystemPackage

/// The steps of one build, with one log. A failed step keeps the log beside the store's images and quotes its end.
struct BuildSteps {
    let builder: ImageBuilder
    let work: String
    let name: String

    func run(_ step: String, _ arguments: [String]) throws(ImageError) {
        try run(step, arguments, output: nil)
    }

    /// The step's standard output.
    func capture(_ step: String, _ arguments: [String]) throws(ImageError) -> [UInt8] {
        let path = work + "/output"
        let file = try attempting("creating", path) { () throws(Errno) in
            try OwnedDescriptor.open(path: path.bytes, flags: O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
        }
        try run(step, arguments, output: file.borrowed)
        return try attempting("reading", path) { () throws(Errno) in
            try file.borrowed.read(at: 0, upTo: 1 << 20)
        }
    }

    private func run(_ step: String, _ arguments: [String], output: FileDescriptor?) throws(ImageError) {
        let path = work + "/log"
        var failure: Command.Failure?
        do throws(Errno) {
            let log = try OwnedDescriptor.open(
                path: path.bytes, flags: O_RDWR | O_CREAT | O_APPEND, mode: 0o644)
            let command = Command(
                arguments: arguments, environment: builder.toolEnvironment(work: work),
                output: (output ?? log.borrowed).rawValue, log: log.borrowed.rawValue)
            failure = try command.run { builder.report(step, lastLines(of: log.borrowed, 1).first ?? "") }
        } catch {
            throw .system(doing: "running", path: arguments[0], errno: error)
        }
        guard let failure else { return }
        if builder.report(step, "") != 0 { throw .cancelled(step: step) }
        let kept = "\(builder.store.root)/build-\(name).log"
        try? rename(path.bytes, to: kept.bytes)
        var lines: [String] = []
        if let log = try? OwnedDescriptor.open(path: kept.bytes, flags: O_RDONLY) {
            lines = lastLines(of: log.borrowed, 8)
        }
        throw .stepFailed(step: step, status: "\(failure)", log: kept, lastLines: lines)
    }

    /// The last `count` non-empty lines, as far as the last 4 KiB hold them.
    private func lastLines(of log: FileDescriptor, _ count: Int) -> [String] {
        guard let size = try? log.status().size,
            let tail = try? log.read(at: size > 4096 ? size - 4096 : 0, upTo: 4096)
        else { return [] }
        return String(decoding: tail, as: UTF8.self).split { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
            .suffix(count).map { String($0.filter { !$0.isASCII || $0 >= " " }.prefix(200)) }
    }
}
