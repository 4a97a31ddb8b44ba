import GuestNucleus
import Testing

@testable import GuestKernel

extension KernelSuite {
    struct VirtioBlockTests {
        private func make(sectors: UInt64, _ features: VirtioDevice.Features = []) throws -> (
            VirtioBlock, FakeQueue
        ) {
            let device = try FakeDevice(.block, queueCount: 1, configuration: sectors, features: features)
            return (try VirtioBlock(number: 0, device.entry), device.queues[0])
        }

        @Test("a read is one chain: header, neighbouring frames as one piece, status")
        func read() throws {
            let (disk, queue) = try make(sectors: 1000)
            let pair = try Frames.allocateContiguous(count: 2)
            let single = try Frames.allocateContiguous(count: 2)
            let request = try disk.submit(
                .read, sector: 24, frames: [pair, pair + 4096, single + 4096], bytes: 3 * 4096)
            let chain = try #require(queue.next())
            #expect(chain.readable.map(\.count) == [16])
            #expect(chain.writable.map(\.count) == [8192, 4096, 1])
            #expect(chain.readableBytes == [0, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0])
            chain.writable[0][0] = 0xA5
            chain.writable[2][0] = 0
            queue.complete(chain, written: 3 * 4096 + 1)
            #expect(disk.poll())
            #expect(request.isDone && request.didSucceed)
            #expect(PhysicalMemory.pointer(pair).load(as: UInt8.self) == 0xA5)
            #expect(!disk.isBusy)
        }

        @Test("a status other than OK is a failure, and so is one the device did not write")
        func failure() throws {
            let (disk, queue) = try make(sectors: 1000)
            let frame = try Frames.allocate()
            let first = try disk.submit(.write, sector: 0, frames: [frame], bytes: 4096)
            let second = try disk.submit(.write, sector: 8, frames: [frame], bytes: 4096)
            let chain = try #require(queue.next())
            #expect(chain.readable.map(\.count) == [16, 4096])
            chain.writable[0][0] = 1
            queue.complete(chain, written: 1)
            queue.complete(try #require(queue.next()))
            #expect(disk.poll())
            #expect(first.isDone && !first.didSucceed)
            #expect(second.isDone && !second.didSucceed)
        }

        @Test("frames stay referenced until the device returns them")
        func references() throws {
            let (disk, queue) = try make(sectors: 1000)
            let frame = try Frames.allocate()
            _ = try disk.submit(.read, sector: 0, frames: [frame], bytes: 4096)
            #expect(!Frames.isExclusive(frame))
            queue.complete(try #require(queue.next()))
            _ = disk.poll()
            #expect(Frames.isExclusive(frame))
        }

        @Test("writing to a disk the device calls read-only is EROFS, and reading past its end EIO")
        func refusals() throws {
            let (disk, _) = try make(sectors: 8, .blockReadOnly)
            let frame = try Frames.allocate()
            #expect(throws: Errno.readOnlyFileSystem) { try disk.write(firstSector: 0, from: [frame]) }
            #expect(throws: Errno.ioError) { try disk.read(firstSector: 8, into: [frame]) }
        }

        @Test("descriptors come back: a thousand requests on one queue")
        func reuse() throws {
            let (disk, queue) = try make(sectors: 1000)
            let frame = try Frames.allocate()
            for _ in 0..<1000 {
                let request = try disk.submit(.read, sector: 0, frames: [frame], bytes: 512)
                let chain = try #require(queue.next())
                #expect(chain.writable.map(\.count) == [512, 1])
                chain.writable[1][0] = 0
                queue.complete(chain, written: 513)
                _ = disk.poll()
                #expect(request.didSucceed)
            }
        }
    }
}
