import Glibc
import LinuxSystem
import SystemPackage

/// What goes to the user beside the job's own output.
enum Terminal {
    /// One line on standard error, or several of our own. A standard error that cannot take it has nobody to tell.
    static func say(_ text: String) {
        try? FileDescriptor.standardError.write(all: Array("\(visible(text))\n".utf8))
    }

    /// Names and words of others may be in what we say: nothing in it moves a cursor or sets a title.
    static func visible(_ text: String) -> String {
        func isSeen(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar.value {
            case 0x09, 0x0a: true
            case 0..<0x20, 0x7f..<0xa0: false
            default: true
            }
        }
        if text.unicodeScalars.allSatisfy(isSeen) { return text }
        var seen = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { seen.append(isSeen(scalar) ? scalar : "\u{fffd}") }
        return String(seen)
    }

    static func print(_ text: String) throws(Errno) {
        try FileDescriptor.standardOutput.write(all: Array(text.utf8))
    }

    static func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        return String(cString: value)
    }
}

/// One line on a terminal that is rewritten as work goes on; nothing at all where standard error is no terminal.
final class ProgressLine {
    private let isTerminal = isatty(2) == 1
    private let begun = monotonicNanoseconds()
    private var lastDrawn: UInt64 = 0
    private var isDrawn = false

    /// Draws at most ten times a second, and not in the first second.
    func update(_ step: String, _ line: String) {
        let now = monotonicNanoseconds()
        guard isTerminal, now - begun > 1_000_000_000, now - lastDrawn > 100_000_000 else { return }
        lastDrawn = now
        isDrawn = true
        let text = "\(step), \((now - begun) / 1_000_000_000) s  \(line)"
        var size = winsize()
        let columns = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
        write("\r\u{1b}[K\(text.prefix(columns - 1))")
    }

    func clear() {
        if isDrawn { write("\r\u{1b}[K") }
        isDrawn = false
    }

    private func write(_ text: String) {
        try? FileDescriptor.standardError.write(all: Array(text.utf8))
    }
}
