/// The header in front of every packet (virtio 1.2 §5.10.6, struct virtio_vsock_hdr), where it lies in memory.
struct VsockHeader {
    static let bytes: UInt32 = 44
    /// Distance of headers in an array of them.
    static let stride = 64
    static let hostCID: UInt64 = 2

    enum Operation: UInt16 {
        case request = 1, response = 2, reset = 3, shutdown = 4, data = 5, creditUpdate = 6, creditRequest = 7
    }

    private static let stream: UInt16 = 1     // VIRTIO_VSOCK_TYPE_STREAM

    /// At least 44 bytes, 8-byte aligned.
    let base: UnsafeMutableRawPointer

    var sourceCID: UInt64 { base.load(as: UInt64.self) }
    var destinationCID: UInt64 { base.load(fromByteOffset: 8, as: UInt64.self) }
    var sourcePort: UInt32 { base.load(fromByteOffset: 16, as: UInt32.self) }
    var destinationPort: UInt32 { base.load(fromByteOffset: 20, as: UInt32.self) }
    var length: UInt32 { base.load(fromByteOffset: 24, as: UInt32.self) }
    var isStream: Bool { base.load(fromByteOffset: 28, as: UInt16.self) == Self.stream }
    /// Nil for a number the specification does not have.
    var operation: Operation? { Operation(rawValue: base.load(fromByteOffset: 30, as: UInt16.self)) }
    var flags: UInt32 { base.load(fromByteOffset: 32, as: UInt32.self) }
    var bufferAllocation: UInt32 { base.load(fromByteOffset: 36, as: UInt32.self) }
    var forwarded: UInt32 { base.load(fromByteOffset: 40, as: UInt32.self) }

    /// Writes a packet to the host.
    func fill(
        guestCID: UInt64, from localPort: UInt32, to peerPort: UInt32, _ operation: Operation,
        length: UInt32 = 0, flags: UInt32 = 0, bufferAllocation: UInt32 = 0, forwarded: UInt32 = 0
    ) {
        base.storeBytes(of: guestCID, as: UInt64.self)
        base.storeBytes(of: Self.hostCID, toByteOffset: 8, as: UInt64.self)
        base.storeBytes(of: localPort, toByteOffset: 16, as: UInt32.self)
        base.storeBytes(of: peerPort, toByteOffset: 20, as: UInt32.self)
        base.storeBytes(of: length, toByteOffset: 24, as: UInt32.self)
        base.storeBytes(of: Self.stream, toByteOffset: 28, as: UInt16.self)
        base.storeBytes(of: operation.rawValue, toByteOffset: 30, as: UInt16.self)
        base.storeBytes(of: flags, toByteOffset: 32, as: UInt32.self)
        base.storeBytes(of: bufferAllocation, toByteOffset: 36, as: UInt32.self)
        base.storeBytes(of: forwarded, toByteOffset: 40, as: UInt32.self)
    }
}

/// Which directions a SHUTDOWN packet closes (§5.10.6.6); its sender's view.
struct VsockShutdown: OptionSet {
    let rawValue: UInt32
    static let receive = VsockShutdown(rawValue: 1)
    static let send = VsockShutdown(rawValue: 2)
}
