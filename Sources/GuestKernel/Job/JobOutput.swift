import GuestNucleus
import JobWire

/// What goes back to the host when the job is over: counts, the verdict's facts, files.
struct JobOutput {
    let control: JobControl

    /// What the job tried and the kernel does not have: system calls, ioctls, files of /proc and /sys.
    func queueUnsupported() {
        for call in SystemCalls.unsupported {
            control.queue(.unsupported(systemCall: call.number, count: call.count))
        }
        for control in Missing.controls {
            self.control.queue(.unsupportedControl(request: control.request, count: control.count))
        }
        for file in Missing.files { control.queue(.missingFile(path: file.path, count: file.count)) }
    }

    /// Sends the output files, or why there is none.
    func send(_ outputs: [JobSpecification.Output]) throws(Errno) {
        for output in outputs {
            let file: File
            let status: FileStatus
            do throws(Errno) {
                file = try FileSystem.openForReading(output.path)
                status = try file.status()
            } catch {
                control.queue(.outputMissing(index: output.index, errno: error.code))
                continue
            }
            control.queue(
                .outputFile(
                    index: output.index, mode: FileType.regular.rawValue | status.permissions,
                    size: status.size))
            try send(file, size: status.size)
        }
    }

    /// Sends exactly `size` bytes: nobody is left who could change the file.
    private func send(_ file: File, size: UInt64) throws(Errno) {
        let piece = 64 << 10
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: Int(pageSize))
        defer { buffer.deallocate() }
        var left = size
        while left > 0 {
            let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<Int(min(left, UInt64(piece)))])
            var target = IOBuffer(kernel: UnsafeRawBufferPointer(wanted))
            let count = try file.read(&target, at: size - left)
            if count == 0 { throw .ioError }
            try control.send(data: UnsafeRawBufferPointer(rebasing: wanted[0..<count]))
            left -= UInt64(count)
        }
    }
}
