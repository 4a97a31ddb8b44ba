import CGuestInit
import CSwiftletABI
import JobWire

/// What the machine says to this boot alone (swiftlet_abi.h): taken once, and erased where it stood.
struct BootPage {
    let nonce: GuestMessage.Nonce
    /// Nanoseconds since 1970, just before the kernel was entered.
    let wallClock: UInt64
    /// 256 bits that no other boot has.
    let entropy: InlineArray<4, UInt64>

    /// - Returns: nil if there is no such page.
    init?(taking page: UnsafeMutablePointer<swiftlet_boot_page>) {
        guard page.pointee.magic == UInt64(SWIFTLET_BOOT_MAGIC),
            page.pointee.version == UInt32(SWIFTLET_BOOT_VERSION)
        else { return nil }
        let (nonce, entropy) = (Self.words(of: &page.pointee.nonce), Self.words(of: &page.pointee.entropy))
        self.nonce = GuestMessage.Nonce(low: nonce[0], high: nonce[1])
        self.entropy = InlineArray<4, UInt64> { entropy[$0] }
        wallClock = page.pointee.wall_clock
        // Valid once: what stands here after a checkpoint is the restored machine's page, or the host has saved nothing.
        device_store64(UnsafeMutableRawPointer(page), 0)
    }

    /// Reads `field`, a multiple of eight bytes, and erases it.
    private static func words<Field>(of field: inout Field) -> [UInt64] {
        withUnsafeMutableBytes(of: &field) { bytes in
            var words: [UInt64] = []
            for offset in stride(from: 0, to: bytes.count, by: 8) {
                words.append(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                device_store64(bytes.baseAddress! + offset, 0)
            }
            return words
        }
    }

    /// Mixes the entropy into the kernel's random generator, and credits it (RNDADDENTROPY, random(4)).
    func creditEntropy(_ device: borrowing Descriptor) throws(Errno) {
        var entropy = linux_entropy()
        entropy.bits = 256
        entropy.bytes = 32
        withUnsafeMutableBytes(of: &entropy.data) { data in
            for index in 0..<4 {
                data.storeBytes(of: self.entropy[index], toByteOffset: index * 8, as: UInt64.self)
            }
        }
        try withArgument(of: &entropy) { (entropy) throws(Errno) in
            try LinuxCall.ioctl(device.number, 0x4008_5203, entropy)
        }
    }

    /// The same in a restored machine, whose generator would go on with the key that it was saved with: keys it anew
    /// at once (RNDRESEEDCRNG).
    func reseed(_ device: borrowing Descriptor) throws(Errno) {
        try creditEntropy(device)
        try LinuxCall.ioctl(device.number, 0x5207, 0)
    }
}
