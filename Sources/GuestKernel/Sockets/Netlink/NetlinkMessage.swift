/// A message of netlink(7): a header of 16 bytes (length u32, type u16, flags u16, sequence u32, port u32), then what the
/// type says, then attributes (length u16, type u16, data), each padded to 4 bytes.
struct NetlinkMessage {
    static let headerBytes = 16

    static let done: UInt16 = 3
    static let error: UInt16 = 2
    static let newLink: UInt16 = 16
    static let getLink: UInt16 = 18
    static let newAddress: UInt16 = 20
    static let getAddress: UInt16 = 22

    static let isRequest: UInt16 = 1
    static let isMultipart: UInt16 = 2
    static let wantsAcknowledgement: UInt16 = 4
    /// NLM_F_ROOT and NLM_F_MATCH: all there is.
    static let wantsAll: UInt16 = 0x300

    var type: UInt16
    var flags: UInt16
    var sequence: UInt32
    var port: UInt32
    var payload: [UInt8] = []

    init(type: UInt16, flags: UInt16, sequence: UInt32, port: UInt32) {
        self.type = type
        self.flags = flags
        self.sequence = sequence
        self.port = port
    }

    /// The message at `offset`, and where the next one is; nil if there is no whole one.
    init?(_ bytes: [UInt8], at offset: inout Int) {
        let length = Int(bytes.load(UInt32.self, at: offset))
        guard bytes.count - offset >= Self.headerBytes, length >= Self.headerBytes,
            length <= bytes.count - offset
        else { return nil }
        type = bytes.load(UInt16.self, at: offset + 4)
        flags = bytes.load(UInt16.self, at: offset + 6)
        sequence = bytes.load(UInt32.self, at: offset + 8)
        port = bytes.load(UInt32.self, at: offset + 12)
        payload = Array(bytes[(offset + Self.headerBytes)..<(offset + length)])
        offset += (length + 3) & ~3
    }

    var bytes: [UInt8] {
        var bytes = [UInt8](of: UInt32(Self.headerBytes + payload.count))
        bytes.append(number: type)
        bytes.append(number: flags)
        bytes.append(number: sequence)
        bytes.append(number: port)
        bytes += payload
        bytes.pad(to: 4)
        return bytes
    }

    mutating func add(attribute type: UInt16, _ data: [UInt8]) {
        payload.pad(to: 4)
        payload.append(number: UInt16(4 + data.count))
        payload.append(number: type)
        payload += data
    }

    /// The data of an attribute behind `offset`; nil if there is none.
    func attribute(_ wanted: UInt16, behind offset: Int) -> [UInt8]? {
        var at = offset
        while payload.count - at >= 4 {
            let length = Int(payload.load(UInt16.self, at: at))
            guard length >= 4, length <= payload.count - at else { return nil }
            if payload.load(UInt16.self, at: at + 2) & 0x3FFF == wanted {
                return Array(payload[(at + 4)..<(at + length)])
            }
            at += (length + 3) & ~3
        }
        return nil
    }
}
