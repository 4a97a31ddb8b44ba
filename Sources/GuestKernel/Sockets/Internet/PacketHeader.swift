/// The fields of an IP header that a program can set and ask for.
struct PacketHeader: Equatable {
    var hopLimit: UInt8
    var trafficClass: UInt8
    var destination = IPAddress.any

    private static let hops: Int32 = 52
    private static let trafficClassOption: Int32 = 67
    private static let packetInformation: Int32 = 50
    private static let packetInformationIPv4: Int32 = 8
    private static let timeToLive: Int32 = 2
    private static let typeOfService: Int32 = 1

    /// As the socket's options have it.
    init(options: SocketOptions, family: UInt16) {
        let isIPv6 = family == AddressFamily.internet6
        let hops = isIPv6 ? options[OptionLevel.ipv6, 16] : options[OptionLevel.ip, Self.timeToLive]
        let service =
            isIPv6
            ? options[OptionLevel.ipv6, Self.trafficClassOption]
            : options[OptionLevel.ip, Self.typeOfService]
        hopLimit = UInt8(clamping: hops.flatMap { $0 < 0 ? nil : $0 } ?? 64)
        trafficClass = UInt8(clamping: max(service ?? 0, 0))
    }

    /// Takes one control message of a sender.
    /// - Returns: false if it is not one that is known.
    mutating func set(_ level: Int32, _ type: Int32, _ data: [UInt8]) -> Bool {
        let number = data.load(Int32.self, at: 0)
        switch (level, type) {
        case (OptionLevel.ipv6, Self.hops), (OptionLevel.ip, Self.timeToLive):
            guard data.count >= 4, (-1...255).contains(number) else { return false }
            if number >= 0 { hopLimit = UInt8(number) }
        case (OptionLevel.ipv6, Self.trafficClassOption):
            guard data.count >= 4, (-1...255).contains(number) else { return false }
            if number >= 0 { trafficClass = UInt8(number) }
        case (OptionLevel.ip, Self.typeOfService):
            guard let byte = data.first else { return false }
            trafficClass = byte
        // Where it is to come from: there is one interface.
        case (OptionLevel.ipv6, Self.packetInformation): return data.count >= 20
        case (OptionLevel.ip, Self.packetInformationIPv4): return data.count >= 12
        default: return false
        }
        return true
    }

    /// What a receiver asked for.
    func write(to writer: inout ControlMessages.Writer, asWantedBy socket: Socket) {
        let options = socket.options
        func isOn(_ level: Int32, _ name: Int32) -> Bool { (options[level, name] ?? 0) != 0 }
        if let ipv4 = destination.ipv4 {
            if isOn(OptionLevel.ip, 8) {
                var data = [UInt8](of: Int32(NetworkInterface.index))
                data.append(networkOrder: ipv4)
                data.append(networkOrder: ipv4)
                writer.add(OptionLevel.ip, Self.packetInformationIPv4, data)
            }
            if isOn(OptionLevel.ip, 12) {
                writer.add(OptionLevel.ip, Self.timeToLive, [UInt8](of: Int32(hopLimit)))
            }
            if isOn(OptionLevel.ip, 13) { writer.add(OptionLevel.ip, Self.typeOfService, [trafficClass]) }
        }
        guard socket.family == AddressFamily.internet6 else { return }
        if isOn(OptionLevel.ipv6, 49) {
            var data: [UInt8] = []
            data.append(networkOrder: destination.high)
            data.append(networkOrder: destination.low)
            data.append(number: Int32(NetworkInterface.index))
            writer.add(OptionLevel.ipv6, Self.packetInformation, data)
        }
        if isOn(OptionLevel.ipv6, 51) {
            writer.add(OptionLevel.ipv6, Self.hops, [UInt8](of: Int32(hopLimit)))
        }
        if isOn(OptionLevel.ipv6, 66) {
            writer.add(OptionLevel.ipv6, Self.trafficClassOption, [UInt8](of: Int32(trafficClass)))
        }
    }
}
