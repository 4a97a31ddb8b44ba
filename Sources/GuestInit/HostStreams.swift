import JobWire

/// What connects a job with the host: its control stream and its two outputs. Made anew in a restored machine.
struct HostStreams: ~Copyable {
    let control: ControlStream
    let output: Descriptor
    let error: Descriptor

    init(_ sockets: JobSockets) {
        output = Self.connect(sockets, JobPort.standardOutput)
        error = Self.connect(sockets, JobPort.standardError)
        control = ControlStream(
            must("init: no connection to the host over vsock") { () throws(Errno) in
                try sockets.connectControl()
            })
    }

    static func connect(_ sockets: JobSockets, _ port: UInt32) -> Descriptor {
        must("init: no connection to the host over vsock") { () throws(Errno) in try sockets.connect(port) }
    }

    /// Ends the conversation: returns when the host has seen everything, and no connection exists.
    consuming func end() {
        output.closeAfterAnswer()
        error.closeAfterAnswer()
        control.close()
    }
}
