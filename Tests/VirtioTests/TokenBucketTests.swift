import Testing
import VirtioDevices

/// Nothing in here looks at a clock: time is a number that the tests move.
@Suite struct TokenBucketTests {
    private static let second: UInt64 = 1_000_000_000

    @Test("a rate or a size of 0 makes no bucket: nothing would ever pass")
    func zero() {
        #expect(TokenBucket(tokensPerSecond: 0) == nil)
        #expect(TokenBucket(tokensPerSecond: 0, size: 1) == nil)
        #expect(TokenBucket(tokensPerSecond: 1, size: 0) == nil)
        #expect(TokenBucket(tokensPerSecond: 1)?.size == 1)
    }

    @Test("a full bucket gives its size at once, then as fast as it fills")
    func burst() throws {
        var bucket = try #require(TokenBucket(tokensPerSecond: 1000, size: 100))
        let now = 5 * Self.second
        for _ in 0..<100 {
            #expect(bucket.wait(at: now) == 0)
            bucket.take(1, at: now)
        }
        for millisecond in 0..<5 as Range<UInt64> {
            let then = now + millisecond * 1_000_000
            #expect(bucket.wait(at: then) == 1_000_000)
            #expect(bucket.wait(at: then + 999_999) == 1)
            #expect(bucket.wait(at: then + 1_000_000) == 0)
            bucket.take(1, at: then + 1_000_000)
        }
    }

    @Test("a long pause fills the bucket and no more")
    func refill() throws {
        var bucket = try #require(TokenBucket(tokensPerSecond: 1000, size: 100))
        bucket.take(100, at: 0)
        let later = 3600 * Self.second
        bucket.take(100, at: later)
        #expect(bucket.wait(at: later) > 0)
        bucket.take(0, at: later)
        #expect(bucket.wait(at: later + Self.second) == 0)
    }

    @Test("a request larger than the bucket passes at once and delays the next by what it took")
    func debt() throws {
        var bucket = try #require(TokenBucket(tokensPerSecond: 1000, size: 100))
        bucket.take(5100, at: 0)
        // 5,100 tokens less the hundred that were there, and one to be found.
        #expect(bucket.wait(at: 0) == 5_001_000_000)
        #expect(bucket.wait(at: 5_001_000_000) == 0)
    }

    @Test(
        "over a long time the rate is the rate, for requests of every size",
        arguments: [1, 7, 99, 100, 101, 4096, 65_536] as [UInt64])
    func longRun(request: UInt64) throws {
        var bucket = try #require(TokenBucket(tokensPerSecond: 10_000))
        var now: UInt64 = 1
        var taken: UInt64 = 0
        while taken < 1_000_000 {
            now += bucket.wait(at: now)
            bucket.take(request, at: now)
            taken += request
        }
        // Less than its size ahead of the rate, and never more than a request behind.
        let expected = (taken - request) * Self.second / 10_000
        #expect(now + bucket.size * Self.second / 10_000 >= expected)
        #expect(now <= expected + Self.second)
    }

    @Test("no number overflows: huge rates pass all, huge debts never end, the end of time is no trap")
    func extremes() throws {
        var fast = try #require(TokenBucket(tokensPerSecond: .max))
        fast.take(1 << 40, at: 10)
        #expect(fast.wait(at: 10) == 0)
        var slow = try #require(TokenBucket(tokensPerSecond: 1))
        slow.take(.max, at: 10)
        #expect(slow.wait(at: 10) > 1 << 62)
        slow.take(.max, at: .max)
        #expect(slow.wait(at: .max) == 0)
        var large = try #require(TokenBucket(tokensPerSecond: 3, size: .max))
        large.take(.max, at: .max - 1)
        #expect(large.wait(at: 0) <= Self.second)
    }
}
