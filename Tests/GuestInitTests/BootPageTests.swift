import CSwiftletABI
import Testing

@testable import GuestInit

struct BootPageTests {
    @Test("nonce, clock and entropy are taken from the page, and nonce and entropy are gone from it")
    func take() throws {
        var page = swiftlet_boot_page()
        page.magic = UInt64(SWIFTLET_BOOT_MAGIC)
        page.version = UInt32(SWIFTLET_BOOT_VERSION)
        page.wall_clock = 1_700_000_000_000_000_000
        withUnsafeMutableBytes(of: &page.nonce) { for index in $0.indices { $0[index] = UInt8(index + 1) } }
        withUnsafeMutableBytes(of: &page.entropy) {
            for index in $0.indices { $0[index] = UInt8(index + 100) }
        }
        let boot = try #require(BootPage(taking: &page))
        #expect(boot.nonce == .init(low: 0x0807_0605_0403_0201, high: 0x100f_0e0d_0c0b_0a09))
        #expect(boot.wallClock == 1_700_000_000_000_000_000)
        #expect(boot.entropy[0] == 0x6b6a_6968_6766_6564)
        #expect(withUnsafeBytes(of: page.nonce) { $0.allSatisfy { $0 == 0 } })
        #expect(withUnsafeBytes(of: page.entropy) { $0.allSatisfy { $0 == 0 } })
    }

    @Test("a page that is no boot page, or of another version, is refused")
    func refuse() {
        var page = swiftlet_boot_page()
        #expect(BootPage(taking: &page) == nil)
        page.magic = UInt64(SWIFTLET_BOOT_MAGIC)
        page.version = UInt32(SWIFTLET_BOOT_VERSION) + 1
        #expect(BootPage(taking: &page) == nil)
    }
}
