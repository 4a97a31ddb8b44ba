import JobWire

/// Decodes the bytes as one stream, in chunks whose sizes the first byte decides; everything decoded is encoded and
/// decoded again, and must be the same.
private func decode<Message: JobMessage & Equatable>(_: Message.Type, _ input: [UInt8]) {
    guard let first = input.first else { return }
    let chunk = Int(first % 64) + 1
    var decoder = FrameDecoder<Message>()
    var start = 1
    do {
        while start < input.count {
            let piece = Array(input[start..<min(input.count, start + chunk)])
            var offset = 0
            while let event = try decoder.next(in: piece.span, from: &offset) {
                if case .message(let message) = event { requireRoundTrip(message) }
            }
            precondition(offset == piece.count, "the decoder left bytes behind without an event")
            start += piece.count
        }
    } catch {}
}

private func requireRoundTrip<Message: JobMessage & Equatable>(_ message: Message) {
    var encoded: [UInt8] = []
    if let guest = message as? GuestMessage { guest.encode(to: &encoded) }
    if let host = message as? HostMessage { host.encode(to: &encoded) }
    var decoder = FrameDecoder<Message>()
    var offset = 0
    guard case .message(let again)? = try? decoder.next(in: encoded.span, from: &offset), again == message
    else {
        preconditionFailure("\(message) does not survive encoding")
    }
}

func fuzzGuestFrames(_ input: [UInt8]) { decode(GuestMessage.self, input) }
func fuzzHostFrames(_ input: [UInt8]) { decode(HostMessage.self, input) }

func fuzzMachineEvents(_ input: [UInt8]) {
    if let event = try? MachineEvent(decoding: input),
        let again = try? MachineEvent(decoding: event.encoded())
    {
        precondition(again.encoded() == event.encoded(), "\(event) does not survive encoding")
    }
}
