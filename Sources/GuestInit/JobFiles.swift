import CGuestInit
import JobWire

/// Files that the host puts into the job's tree and takes out of it, as the superuser. Links are followed: they lead
/// nowhere but into this guest.
struct JobFiles {
    let user: UInt32
    let group: UInt32

    private static let slash = UInt8(ascii: "/")

    /// Makes a directory and what is missing above it; directories that exist stay as they are.
    func makeDirectories(_ path: [UInt8], mode: UInt32) throws(Errno) {
        var end = 0
        while end < path.count {
            end = path[(end + 1)...].firstIndex(of: Self.slash) ?? path.count
            let part = Path(Array(path[0..<end]))
            do throws(Errno) {
                try part.withArgument { (part) throws(Errno) in try LinuxCall.mkdir(part, 0o700) }
            } catch {
                guard error == .exists else { throw error }
                let found = try Descriptor.open(part, OpenFlags.pathOnly)
                if !(try found.status().isDirectory) { throw .notDirectory }
                continue
            }
            try part.withArgument { (part) throws(Errno) in
                try LinuxCall.lchown(part, Int(user), Int(group))
                try LinuxCall.chmod(part, Int(mode & 0o7777))
            }
        }
    }

    private func makeParents(of path: [UInt8]) throws(Errno) {
        guard let slash = path.lastIndex(of: Self.slash), slash > 0 else { return }
        try makeDirectories(Array(path[..<slash]), mode: 0o755)
    }

    /// Makes a file, or empties it if it is there, and opens it for writing.
    func makeFile(_ path: [UInt8], mode: UInt32) throws(Errno) -> Descriptor {
        try makeParents(of: path)
        let flags = OpenFlags.writeOnly | OpenFlags.create | OpenFlags.truncate | OpenFlags.nonblocking
        let file = try Descriptor.open(
            Path(path), flags | OpenFlags.noControllingTerminal, mode: 0o600)
        if !(try file.status().isRegular) { throw .exists }
        try LinuxCall.fchown(file.number, Int(user), Int(group))
        try LinuxCall.fchmod(file.number, Int(mode & 0o7777))
        return file
    }

    func makeSymbolicLink(_ path: [UInt8], to target: [UInt8]) throws(Errno) {
        try makeParents(of: path)
        let place = Path(path)
        try Mount.makeLink(place, to: Path(target))
        try place.withArgument { (place) throws(Errno) in
            try LinuxCall.lchown(place, Int(user), Int(group))
        }
    }

    // MARK: Back to the host

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
