import GuestNucleus
import JobWire
@c func kernel_main(_ boot: UnsafeMutablePointer<swiftlet_boot_page>) {
    mmio_write32(UInt64(SWIFTLET_PLATFORM_BASE), 3)
}
@c func kernel_trap(_ f: UnsafeMutablePointer<trap_frame>) {}
@c func kernel_thread_start() {}
final class X { var a: [UInt8] = [1,2] ; init() {} }
nonisolated(unsafe) var g = X()
@c func kernel_allocate(_ b: Int, _ a: Int) -> UnsafeMutableRawPointer? { nil }
@c func kernel_free(_ b: UnsafeMutableRawPointer?) {}
