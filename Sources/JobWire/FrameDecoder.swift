/// Turns a byte stream into messages, whatever the pieces it arrives in.
///
///     stream: | u32 length | u16 type | u16 job | payload … | u32 length | …
///
/// Frames are the machine's or those of one job; another job's is an error.
///
/// It buffers at most one header and one message payload (`WireLimit.payload`); the bytes of `data` frames are never
/// buffered, they are named as a range of the caller's input. A header is checked before anything is kept for it.
/// After an error the stream cannot be resynchronised: every later call throws the same error.
public struct FrameDecoder<Message: JobMessage> {
    public enum Event {
        case message(Message)
        /// These bytes of the input belong to the current `data` frame; never empty.
        case data(Range<Int>)
    }

    private enum State {
        case header
        case payload(type: UInt16, length: Int)
        case data(remaining: Int)
        case failed(WireError)
    }

    private var state = State.header
    private var buffer: [UInt8] = []
    private let job: JobID

    public init(job: JobID = .only) { self.job = job }

    /// False if the stream ended now in the middle of a frame.
    public var isBetweenFrames: Bool {
        if case .header = state { return buffer.isEmpty }
        return false
    }

    /// Takes bytes of `input` from `offset` on until one event is complete, and moves `offset` behind them.
    ///
    /// - Returns: nil when the input is used up (`offset == input.count`).
    /// - Throws: `WireError`; the sender's fault.
    public mutating func next(in input: Span<UInt8>, from offset: inout Int) throws(WireError) -> Event? {
        while true {
            switch state {
            case .failed(let error):
                throw error
            case .header:
                guard fill(to: WireLimit.header, from: input, &offset) else { return nil }
                do {
                    state = try stateAfterHeader()
                } catch {
                    state = .failed(error)
                    throw error
                }
                buffer.removeAll(keepingCapacity: true)
            case .payload(let type, let length):
                guard fill(to: length, from: input, &offset) else { return nil }
                let payload = buffer
                buffer = []
                do {
                    let message = try Message(type: type, payload: payload)
                    state = .header
                    return .message(message)
                } catch {
                    state = .failed(error)
                    throw error
                }
            case .data(let remaining):
                let count = min(remaining, input.count - offset)
                if count == 0 { return nil }
                let range = offset..<(offset + count)
                offset += count
                state = count == remaining ? .header : .data(remaining: remaining - count)
                return .data(range)
            }
        }
    }

    /// Moves bytes into the buffer until it holds `count`; false if the input ran out first.
    private mutating func fill(to count: Int, from input: Span<UInt8>, _ offset: inout Int) -> Bool {
        let taken = min(count - buffer.count, input.count - offset)
        if taken > 0 {
            buffer.reserveCapacity(count)
            for index in offset..<(offset + taken) { buffer.append(input[index]) }
            offset += taken
        }
        return buffer.count == count
    }

    private func stateAfterHeader() throws(WireError) -> State {
        var reader = PayloadReader(type: 0, buffer)
        let length = try reader.integer(UInt32.self)
        let type = try reader.integer(UInt16.self)
        let job = JobID(rawValue: try reader.integer(UInt16.self))
        if type == DataFrame.type {
            // An empty data frame would be a message that moves nothing: refused, so that every frame makes progress.
            guard length > 0, length <= UInt32(WireLimit.payload) else {
                throw .badLength(type: type, length: length)
            }
            guard job == self.job else { throw .wrongJob(type: type, job) }
            return .data(remaining: Int(length))
        }
        guard let lengths = Message.payloadLengths(ofType: type) else { throw .unknownType(type) }
        guard length <= UInt32(WireLimit.payload), lengths.contains(Int(length)) else {
            throw .badLength(type: type, length: length)
        }
        let expected = Message.isOfMachine(type: type) ? JobID.machine : self.job
        guard job == expected else { throw .wrongJob(type: type, job) }
        return .payload(type: type, length: Int(length))
    }
}
