import CGuestInit
import JobWire

/// The files that the host takes out of the job's tree, as the superuser.
enum OutputFiles {
    /// Sends the output files, or why there is none. Nobody is left who could change one.
    static func send(_ outputs: [JobSpecification.Output], to control: ControlStream) {
        for output in outputs {
            do throws(Errno) {
                let flags = OpenFlags.readOnly | OpenFlags.nonblocking | OpenFlags.noControllingTerminal
                let file = try Descriptor.open(Path(output.path), flags)
                let status = try file.status()
                if status.isDirectory { throw .isDirectory }
                if !status.isRegular { throw .invalidArgument }
                control.queue(
                    .outputFile(
                        index: output.index, mode: linux_stat.regular | status.mode & 0o7777,
                        size: UInt64(status.size)))
                send(file, size: Int(status.size), to: control)
            } catch {
                control.queue(.outputMissing(index: output.index, errno: error.code))
            }
        }
    }

    /// Sends exactly `size` bytes.
    private static func send(_ file: borrowing Descriptor, size: Int, to control: ControlStream) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var left = size
        while left > 0 {
            let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<min(left, buffer.count)])
            let count = (try? file.read(into: wanted)) ?? 0
            if count == 0 { panic("init: an output file is shorter than its size") }
            control.send(data: UnsafeRawBufferPointer(rebasing: wanted[0..<count]))
            left -= count
        }
    }
}
