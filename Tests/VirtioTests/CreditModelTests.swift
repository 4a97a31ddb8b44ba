import Testing

@testable import VirtioDevices

/// Every short life of a credit window, beside a model that counts without end (virtio 1.2 §5.10.6.3).
@Suite struct CreditModelTests {
    /// What happens to a window: the guest's packets, with any number in them, and what the device does within its rights.
    enum Step: Hashable {
        case receive(Int)
        case forward(Int)
        case advertise
        /// `distance`: from what the guest said last that it had consumed.
        case hear(bufferSize: UInt32, distance: Int)
        case send(Int)
    }

    /// The window's counters as numbers that never wrap.
    struct Model: Hashable {
        let bufferSize: Int
        var received: Int
        var forwarded: Int
        var advertised: Int
        var sent: Int
        var peerForwarded: Int
        var peerBufferSize = 0

        var buffered: Int { received - forwarded }
        var inFlight: Int { sent - peerForwarded }
        var available: Int { max(0, peerBufferSize - inFlight) }

        /// - Returns: whether the guest is within its rights; if not, nothing has changed.
        mutating func take(_ step: Step) -> Bool {
            switch step {
            case .receive(let count):
                if buffered + count > bufferSize { return false }
                received += count
            case .hear(let size, let distance):
                let told = Int(UInt32(truncatingIfNeeded: distance))  // what a packet can say of it
                if told > inFlight { return false }
                peerBufferSize = Int(size)
                peerForwarded += told
            case .forward(let count): forwarded += count
            case .advertise: advertised = forwarded
            case .send(let count): sent += count
            }
            return true
        }

        /// At the borders of what is allowed, and beyond them where the guest decides.
        var steps: Set<Step> {
            let room = bufferSize - buffered
            var steps: Set<Step> = [.advertise]
            for count in [0, 1, room - 1, room, room + 1] where count >= 0 { steps.insert(.receive(count)) }
            for count in [0, 1, buffered] where count <= buffered { steps.insert(.forward(count)) }
            for count in [0, 1, available] where count <= available { steps.insert(.send(count)) }
            for size: UInt32 in [0, 1, 3, .max] {
                for distance in [-1, 0, 1, inFlight, inFlight + 1, 1 << 31] {
                    steps.insert(.hear(bufferSize: size, distance: distance))
                }
            }
            return steps
        }
    }

    private func take(_ step: Step, _ window: inout CreditWindow) -> Bool {
        switch step {
        case .receive(let count): return window.receive(count)
        case .hear(let size, let distance):
            let forwarded = window.peerForwarded &+ UInt32(truncatingIfNeeded: distance)
            return window.hear(bufferSize: size, forwarded: forwarded)
        case .forward(let count): window.forward(count)
        case .advertise: window.advertise()
        case .send(let count): window.send(count)
        }
        return true
    }

    private func agree(_ window: CreditWindow, _ model: Model) -> Bool {
        func low(_ number: Int) -> UInt32 { UInt32(truncatingIfNeeded: number) }
        return window.received == low(model.received) && window.forwarded == low(model.forwarded)
            && window.advertised == low(model.advertised) && window.sent == low(model.sent)
            && window.peerForwarded == low(model.peerForwarded) && window.available == model.available
            && Int(window.buffered) == model.buffered
            && window.shouldAdvertise
                == (model.forwarded > model.advertised
                    && model.received - model.advertised >= model.bufferSize / 2)
    }

    /// A window whose counters are the sum of `rounds` already, and its model.
    private func start(bufferSize: Int, rounds: [Int]) -> (CreditWindow, Model) {
        var window = CreditWindow(bufferSize: UInt32(bufferSize))
        for count in rounds {
            let own = window.receive(count)
            window.forward(count)
            window.advertise()
            let peer = window.hear(bufferSize: .max, forwarded: window.sent)
            window.send(count)
            let end = window.hear(bufferSize: 0, forwarded: window.sent)
            #expect(own && peer && end)
        }
        let total = rounds.reduce(0, +)
        return (
            window,
            Model(
                bufferSize: bufferSize, received: total, forwarded: total, advertised: total, sent: total,
                peerForwarded: total)
        )
    }

    @Test(
        "HOSTILE 12: four steps of a credit window, all there are, are as counted without end, also where counters wrap",
        arguments: [(3, []), (1 << 30, [1 << 30, 1 << 30, 1 << 30, (1 << 30) - 2])] as [(Int, [Int])])
    func everyLife(bufferSize: Int, rounds: [Int]) {
        let first = start(bufferSize: bufferSize, rounds: rounds)
        #expect(agree(first.0, first.1))
        var seen: Set<Model> = [first.1]
        var reached = [first]
        for _ in 0..<4 {
            var next: [(CreditWindow, Model)] = []
            for (window, model) in reached {
                for step in model.steps {
                    var (after, expected) = (window, model)
                    let isAllowed = expected.take(step)
                    if take(step, &after) != isAllowed || !agree(after, expected) {
                        Issue.record("\(step) after \(model): \(after)")
                    }
                    if isAllowed, seen.insert(expected).inserted { next.append((after, expected)) }
                }
            }
            reached = next
        }
        #expect(seen.count > 300)
    }
}
