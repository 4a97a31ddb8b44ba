import CLinux
import Glibc
import SystemPackage

/// A list of pieces of guest RAM, each checked when it was added: the scatter-gather list of a request. It
/// goes to the kernel as it is; copies in and out are for headers and status bytes.
public struct GuestBuffers {
    // SAFETY of every pointer use in this file: each vector was checked against `memory` in `append`,
    // `memory` keeps the mapping alive, and RAM never shrinks. The guest may write concurrently; nothing here
    // trusts what it reads twice.
    private let memory: GuestMemory
    private var vectors: [iovec] = []
    /// Bytes in all.
    public private(set) var count = 0

    public init(in memory: GuestMemory) {
        self.memory = memory
    }

    public var isEmpty: Bool { count == 0 }
    public var vectorCount: Int { vectors.count }

    /// Adds `count` bytes at `address`; none at all if `count` is 0.
    ///
    /// - Throws: `GuestMemoryError` when they are not all in RAM.
    public mutating func append(_ address: GuestAddress, count: UInt32) throws(GuestMemoryError) {
        let pointer = try memory.pointer(to: address, count: UInt64(count))
        guard count > 0 else { return }
        vectors.append(iovec(iov_base: pointer, iov_len: Int(count)))
        self.count += Int(count)
    }

    /// Adds all of another list of the same memory.
    public mutating func append(_ other: GuestBuffers) {
        precondition(memory === other.memory, "buffers of two memories")
        vectors.append(contentsOf: other.vectors)
        count += other.count
    }

    public mutating func removeAll() {
        vectors.removeAll(keepingCapacity: true)
        count = 0
    }

    /// Takes the first `bytes` off the list and returns them. Fewer if there are fewer.
    @discardableResult
    public mutating func removePrefix(_ bytes: Int) -> GuestBuffers {
        var prefix = GuestBuffers(in: memory)
        var wanted = min(bytes, count)
        prefix.count = wanted
        count -= wanted
        var whole = 0
        while wanted > 0, vectors[whole].iov_len <= wanted {
            wanted -= vectors[whole].iov_len
            prefix.vectors.append(vectors[whole])
            whole += 1
        }
        vectors.removeFirst(whole)
        if wanted > 0 {
            prefix.vectors.append(iovec(iov_base: vectors[0].iov_base, iov_len: wanted))
            vectors[0].iov_base += wanted
            vectors[0].iov_len -= wanted
        }
        return prefix
    }

    /// Gives the host's memory behind the whole pages of the list back; the guest finds zeros, or what the file behind them
    /// has. (madvise(2), MADV_DONTNEED)
    ///
    /// - Returns: Bytes given back.
    public func returnToHost() -> Int {
        let page: UInt = 4096
        var returned = 0
        for vector in vectors {
            let start = (UInt(bitPattern: vector.iov_base) + page - 1) / page * page
            let end = (UInt(bitPattern: vector.iov_base) + UInt(vector.iov_len)) / page * page
            guard start < end, let pages = UnsafeMutableRawPointer(bitPattern: start),
                linux_madvise(pages, Int(end - start), MADV_DONTNEED) == 0
            else { continue }
            returned += Int(end - start)
        }
        return returned
    }

    /// The first `bytes` of the list, or all of it.
    public func prefix(_ bytes: Int) -> GuestBuffers {
        var rest = self
        return bytes >= count ? rest : rest.removePrefix(bytes)
    }

    /// The list without its first `bytes`.
    public func dropping(_ bytes: Int) -> GuestBuffers {
        var rest = self
        rest.removePrefix(bytes)
        return rest
    }

    // MARK: Copies

    /// Copies a struct from the start of the list, however it is split; nil if the list is shorter.
    public func load<T: GuestLayout>(_ type: T.Type = T.self) -> T? {
        guard count >= MemoryLayout<T>.size else { return nil }
        var value = T()
        withUnsafeMutableBytes(of: &value) { _ = copy(into: $0) }
        return value
    }

    /// Copies a struct to the start of the list; false, and nothing written, if the list is shorter.
    public func store<T: GuestLayout>(_ value: T) -> Bool {
        guard count >= MemoryLayout<T>.size else { return false }
        withUnsafeBytes(of: value) { _ = copy(from: $0) }
        return true
    }

    /// Copies from the guest until `target` or the list is full; returns the bytes copied.
    public func copy(into target: UnsafeMutableRawBufferPointer) -> Int {
        var done = 0
        for vector in vectors {
            let piece = min(vector.iov_len, target.count - done)
            guard piece > 0, let start = target.baseAddress, let source = vector.iov_base else { break }
            memcpy(start + done, source, piece)
            done += piece
        }
        return done
    }

    /// Copies to the guest until `source` or the list is used up; returns the bytes copied.
    @discardableResult
    public func copy(from source: UnsafeRawBufferPointer) -> Int {
        var done = 0
        for vector in vectors {
            let piece = min(vector.iov_len, source.count - done)
            guard piece > 0, let start = source.baseAddress, let target = vector.iov_base else { break }
            memcpy(target, start + done, piece)
            done += piece
        }
        return done
    }

    /// All bytes, copied.
    public func bytes() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = copy(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    // MARK: To the kernel

    /// Calls `body` with the list as iovecs, at most IOV_MAX (1024) of them. They are valid during the call
    /// only.
    public func withVectors<Result>(
        _ body: (UnsafeBufferPointer<iovec>) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        var failure: Errno?
        let result: Result? = vectors.withUnsafeBufferPointer { all in
            do throws(Errno) {
                return try body(UnsafeBufferPointer(rebasing: all.prefix(1024)))
            } catch {
                failure = error
                return nil
            }
        }
        withExtendedLifetime(memory) {}
        guard let result else { throw failure ?? .invalidArgument }
        return result
    }
}
