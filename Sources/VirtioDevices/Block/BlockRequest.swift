import CLinux
import GuestMemory
import Virtio

/// A virtio-block request, parsed and bounds-checked, not yet executed. Source: virtio 1.2 §5.2.6 (struct
/// virtio_blk_req).
///
///     chain:  | header 16 B, readable | data n × 512 B | status 1 B, writable |
///
/// The guest may rewrite its buffers at any time: the header was copied once, by `init`, and is not read
/// again. Where one descriptor ends and the next begins has no meaning (§2.7.4.3).
struct BlockRequest {
    enum Operation: Equatable {
        case read, write, flush, identify
    }

    /// Why the device answers with an error instead of executing. The guest's fault, and harmless.
    enum Refusal: Error, Equatable {
        /// VIRTIO_BLK_S_UNSUPP
        case unsupported(type: UInt32)
        case notSectorMultiple(bytes: Int)
        case pastEnd(sector: UInt64, sectors: UInt64, capacitySectors: UInt64)
        case readOnly
        case identityBufferTooShort(bytes: Int)

        var status: UInt8 {
            switch self {
            case .unsupported: UInt8(VIRTIO_BLK_S_UNSUPP)
            default: UInt8(VIRTIO_BLK_S_IOERR)
            }
        }
    }

    /// VIRTIO_BLK_ID_BYTES
    static let identityLength = 20

    let operation: Operation
    /// 512-byte sectors, whatever the backing file's block size.
    let firstSector: UInt64
    /// Empty for flush.
    let payload: GuestBuffers

    /// `readable` and `data` are the chain's, `data` without the status byte.
    init(
        parsing header: virtio_blk_outhdr, readable: GuestBuffers, data: GuestBuffers,
        capacitySectors: UInt64,
        isReadOnly: Bool
    ) throws(Refusal) {
        firstSector = header.sector
        switch header.type {
        case UInt32(VIRTIO_BLK_T_IN):
            (operation, payload) = (.read, data)
        case UInt32(VIRTIO_BLK_T_OUT):
            if isReadOnly { throw .readOnly }
            (operation, payload) = (.write, readable)
        case UInt32(VIRTIO_BLK_T_FLUSH) where !isReadOnly:
            (operation, payload) = (.flush, data.prefix(0))
            return
        case UInt32(VIRTIO_BLK_T_GET_ID):
            guard data.count >= BlockRequest.identityLength else {
                throw .identityBufferTooShort(bytes: data.count)
            }
            (operation, payload) = (.identify, data.prefix(BlockRequest.identityLength))
            return
        default:
            throw .unsupported(type: header.type)
        }
        guard payload.count % Int(FileBackend.sectorSize) == 0 else {
            throw .notSectorMultiple(bytes: payload.count)
        }
        let sectors = UInt64(payload.count) / FileBackend.sectorSize
        guard firstSector <= capacitySectors, sectors <= capacitySectors - firstSector else {
            throw .pastEnd(sector: firstSector, sectors: sectors, capacitySectors: capacitySectors)
        }
    }
}

extension virtio_blk_outhdr: GuestLayout {}
