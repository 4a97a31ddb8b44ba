import Testing

@testable import GuestKernel

extension KernelSuite {
    struct RandomTests {
        /// The key, counter and nonce of RFC 8439 §2.3.2.
        private func blockOfTheRFC() -> [UInt32] {
            var key = InlineArray<8, UInt32>(repeating: 0)
            for i in 0..<8 {
                let byte = UInt32(i * 4)
                key[i] = byte | (byte + 1) << 8 | (byte + 2) << 16 | (byte + 3) << 24
            }
            var cipher = ChaCha20(key: key, counter: 1, nonce: (0x0900_0000, 0x4A00_0000, 0))
            let block = cipher.nextBlock()
            return (0..<16).map { block[$0] }
        }

        @Test("the block function gives RFC 8439's test vector (§2.3.2)")
        func blockFunction() {
            #expect(
                blockOfTheRFC() == [
                    0xe4e7_f110, 0x1559_3bd1, 0x1fdd_0f50, 0xc471_20a3, 0xc7f4_d1c7, 0x0368_c033, 0x9aaa_2204,
                    0x4e6c_d4c3, 0x4664_82d2, 0x09aa_9f07, 0x05d7_c214, 0xa202_8bd9, 0xd19c_12b5, 0xb94e_16de,
                    0xe883_d0cb, 0x4e3c_50a2,
                ])
        }

        private func bytes(_ count: Int) -> [UInt8] {
            var result = [UInt8](repeating: 0, count: count)
            result.withUnsafeMutableBytes { Random.fill($0) }
            return result
        }

        @Test("the seed is erased, the same seed gives the same numbers, and no request repeats another's")
        func seeding() {
            var seed = [UInt8](1...32)
            seed.withUnsafeMutableBytes { Random.start(seed: $0.baseAddress!) }
            #expect(seed == [UInt8](repeating: 0, count: 32))
            let first = bytes(32)
            let second = bytes(32)
            #expect(first != second)

            seed = [UInt8](1...32)
            seed.withUnsafeMutableBytes { Random.start(seed: $0.baseAddress!) }
            #expect(bytes(32) == first)
            #expect(bytes(32) == second)
        }

        @Test("a request larger than a block is filled to its last byte")
        func largeRequest() {
            var seed = [UInt8](1...32)
            seed.withUnsafeMutableBytes { Random.start(seed: $0.baseAddress!) }
            let result = bytes(1000)
            // 64 zero bytes in a row would be a block that was left out.
            for start in stride(from: 0, to: 1000, by: 8) {
                #expect(result[start..<start + 8] != [0, 0, 0, 0, 0, 0, 0, 0])
            }
        }

        @Test("mixed-in entropy changes what follows")
        func mixing() {
            var seed = [UInt8](1...32)
            seed.withUnsafeMutableBytes { Random.start(seed: $0.baseAddress!) }
            let unmixed = bytes(32)
            seed = [UInt8](1...32)
            seed.withUnsafeMutableBytes { Random.start(seed: $0.baseAddress!) }
            [UInt8](repeating: 7, count: 40).withUnsafeBytes { Random.mix($0) }
            #expect(bytes(32) != unmixed)
        }
    }
}
