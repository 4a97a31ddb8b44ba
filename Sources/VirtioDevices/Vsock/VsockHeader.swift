import CLinux
import GuestMemory

/// What a packet is for (virtio 1.2 §5.10.6, VIRTIO_VSOCK_OP_*).
enum VsockOperation: UInt16 {
    case request = 1
    case response = 2
    case reset = 3
    case shutdown = 4
    case readWrite = 5
    case creditUpdate = 6
    case creditRequest = 7
}

/// Which half of a connection its sender is done with (§5.10.6.6).
struct VsockShutdown: OptionSet {
    let rawValue: UInt32
    /// The sender of this packet will receive no more data.
    static let receive = VsockShutdown(rawValue: 1)
    /// The sender of this packet will send no more data.
    static let send = VsockShutdown(rawValue: 2)
}

/// The two ports of a connection: all that tells one from another, since each device has one guest and one
/// host.
struct VsockPorts: Hashable {
    let host: UInt32
    let guest: UInt32
}

/// Well-known addresses (§5.10.4).
enum VsockAddress {
    static let hostCID: UInt64 = 2
    /// VMADDR_PORT_ANY: no connection's port.
    static let anyPort: UInt32 = .max
    /// VIRTIO_VSOCK_TYPE_STREAM
    static let streamType: UInt16 = 1
}

extension virtio_vsock_hdr: GuestLayout {}

extension virtio_vsock_hdr {
    /// sizeof (struct virtio_vsock_hdr): packed.
    static let size = 44
}
