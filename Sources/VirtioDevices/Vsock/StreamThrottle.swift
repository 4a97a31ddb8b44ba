/// The rate of one stream, each way for itself. It only says when and how much: the bytes wait where they are, in the guest's
/// credit or in the host's descriptor.
final class StreamThrottle {
    enum Direction { case toGuest, toHost }

    private var toGuest: TokenBucket
    private var toHost: TokenBucket
    private let now: () -> UInt64
    /// When somebody who was refused may try again; nil: nobody was.
    private(set) var retryAt: UInt64?
    /// Whether the guest gets no data until then.
    private(set) var holdsFeed = false

    init(_ bucket: TokenBucket, now: @escaping () -> UInt64) {
        toGuest = bucket
        toHost = bucket
        self.now = now
    }

    /// Most bytes to move now; 0: none before `retryAt`.
    func allowance(_ direction: Direction) -> Int {
        let now = now()
        let bucket = direction == .toGuest ? toGuest : toHost
        let allowance = bucket.allowance(at: now)
        if allowance == 0 {
            let instant = now &+ bucket.wait(at: now)
            retryAt = min(instant, retryAt ?? instant)
            if direction == .toGuest { holdsFeed = true }
        }
        return allowance
    }

    func take(_ bytes: Int, _ direction: Direction) {
        switch direction {
        case .toGuest: toGuest.take(UInt64(bytes), at: now())
        case .toHost: toHost.take(UInt64(bytes), at: now())
        }
    }

    /// Everybody may try again.
    func retry() {
        retryAt = nil
        holdsFeed = false
    }
}
