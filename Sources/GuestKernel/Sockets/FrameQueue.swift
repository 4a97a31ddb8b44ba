import GuestNucleus

/// Bytes that wait in a socket, in order, in frames of their own. Byte p of all that ever passed lies in the frame of page
/// p / 4096, so nothing is moved when some are taken.
///
/// Copying from and to a program may wait, so a writer first copies behind the end (`prepare`) and then shows what it
/// copied (`commit`), and who calls holds the lock of its side.
final class FrameQueue {
    // SAFETY: see Frames.
    /// Frames of all queues, bounded by SocketLimits.framesMaximum.
    nonisolated(unsafe) private(set) static var framesUsed: UInt64 = 0

    private var frames: [PhysicalAddress] = []
    /// Index in `frames` of the page that holds `start`.
    private var first = 0
    private var start: UInt64 = 0
    private var end: UInt64 = 0
    /// Somebody is copying behind the end.
    private var isBeingWritten = false

    var count: Int { Int(end - start) }

    deinit {
        while first < frames.count { releaseFirst() }
    }

    /// Copies at most `limit` bytes behind what is there, not yet to be seen.
    /// - Returns: bytes copied; fewer than asked for when memory runs out or the program's memory ends.
    /// - Throws: `.badAddress`, `.noBufferSpace` if nothing could be copied.
    func prepare(_ buffer: inout IOBuffer, limit: Int) throws(Errno) -> Int {
        isBeingWritten = true
        defer { isBeingWritten = false }
        let wanted = min(limit, buffer.remaining)
        var done = 0
        while done < wanted {
            let position = end + UInt64(done)
            let inFrame = Int(position % pageSize)
            let count = min(wanted - done, Int(pageSize) - inFrame)
            var moved = 0
            do throws(Errno) {
                let page = PhysicalMemory.pointer(try frame(at: position)) + inFrame
                moved = try buffer.take(into: UnsafeMutableRawBufferPointer(start: page, count: count))
            } catch {
                if done == 0 { throw error }
            }
            done += moved
            if moved < count { break }
        }
        return done
    }

    /// Shows what was prepared.
    func commit(_ count: Int) { end += UInt64(count) }

    /// The frame for a position at or behind the end, whose page is the last or the next.
    private func frame(at position: UInt64) throws(Errno) -> PhysicalAddress {
        let index = first + Int(position / pageSize - start / pageSize)
        if index < frames.count { return frames[index] }
        guard Self.framesUsed < SocketLimits.framesMaximum,
            let frame = try? Frames.allocate(zeroed: false)
        else { throw .noBufferSpace }
        Self.framesUsed += 1
        frames.append(frame)
        return frame
    }

    /// Copies out at most `limit` bytes, `offset` bytes behind the first, which all stay (`discard` takes them away).
    /// - Returns: bytes copied.
    func copy(to buffer: inout IOBuffer, offset: Int = 0, limit: Int) throws(Errno) -> Int {
        let wanted = min(limit, buffer.remaining, count - offset)
        var done = 0
        while done < wanted {
            let position = start + UInt64(offset + done)
            let inFrame = Int(position % pageSize)
            let count = min(wanted - done, Int(pageSize) - inFrame)
            let index = first + Int(position / pageSize - start / pageSize)
            let page = PhysicalMemory.pointer(frames[index]) + inFrame
            var moved = 0
            do throws(Errno) {
                moved = try buffer.put(UnsafeRawBufferPointer(start: page, count: count))
            } catch {
                if done == 0 { throw error }
            }
            done += moved
            if moved < count { break }
        }
        return done
    }

    /// Takes the first bytes away.
    func discard(_ count: Int) {
        let old = start / pageSize
        start += UInt64(min(count, self.count))
        for _ in old..<(start / pageSize) { releaseFirst() }
        if start == end && !isBeingWritten {
            while first < frames.count { releaseFirst() }
            // The next bytes begin a frame: otherwise `frames` would have to begin with their page.
            frames = []
            first = 0
            start = 0
            end = 0
        }
    }

    private func releaseFirst() {
        guard first < frames.count else { return }
        Frames.release(frames[first])
        Self.framesUsed -= 1
        first += 1
        if first >= 32 && first * 2 >= frames.count {
            frames.removeFirst(first)
            first = 0
        }
    }

    /// Forgets everything, but for frames that somebody is copying into: those go with the queue.
    func removeAll() { discard(count) }
}
