import Glibc
import JobWire
import LinuxSystem
import SystemPackage

/// The caller's own terminal, which a job's terminal is shown on: how it was, so that it can be so again.
public struct HostTerminal: Sendable {
    private let descriptor: FileDescriptor
    private let saved: termios

    /// - Returns: nil if `descriptor` is no terminal.
    public init?(_ descriptor: FileDescriptor) {
        var settings = termios()
        guard tcgetattr(descriptor.rawValue, &settings) == 0 else { return nil }
        self.descriptor = descriptor
        saved = settings
    }

    /// Every key goes to the job as it is: its own terminal edits, echoes and makes signals.
    func makeRaw() {
        var raw = saved
        cfmakeraw(&raw)
        set(raw)
    }

    func restore() { set(saved) }

    private func set(_ settings: termios) {
        // A background process that sets its terminal is stopped; here that would leave the job without a keeper.
        var settings = settings
        let old = signal(SIGTTOU, SIG_IGN)
        _ = tcsetattr(descriptor.rawValue, TCSADRAIN, &settings)
        _ = signal(SIGTTOU, old)
    }

    /// Nil if it does not know.
    var size: HostMessage.WindowSize? {
        var size = winsize()
        guard ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return HostMessage.WindowSize(
            rows: size.ws_row, columns: size.ws_col, width: size.ws_xpixel, height: size.ws_ypixel)
    }
}
