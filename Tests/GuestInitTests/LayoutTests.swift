import CGuestInit
import Glibc
import Testing

/// CGuestInit writes the kernel's layouts out by hand, because no header can be read for its target. Here they can.
struct LayoutTests {
    @Test("the structures that system calls read and fill have the sizes of the host's headers")
    func sizes() {
        #expect(MemoryLayout<linux_timespec>.size == MemoryLayout<timespec>.size)
        #expect(MemoryLayout<linux_rlimit>.size == MemoryLayout<rlimit>.size)
        #expect(MemoryLayout<linux_pollfd>.size == MemoryLayout<pollfd>.size)
        #expect(MemoryLayout<linux_linger>.size == MemoryLayout<linger>.size)
        #expect(MemoryLayout<linux_winsize>.size == MemoryLayout<winsize>.size)
        #expect(MemoryLayout<linux_rusage>.size == MemoryLayout<rusage>.size)
        #expect(MemoryLayout<linux_stat>.size == MemoryLayout<stat>.size)
        // sizeof(struct sockaddr), which a sockaddr_vm fills; and sizeof(struct ifreq) of netdevice(7).
        #expect(MemoryLayout<linux_sockaddr_vm>.size == MemoryLayout<sockaddr>.size)
        #expect(MemoryLayout<linux_ifreq>.size == 40)
    }

    @Test("fields that init reads lie where the host's headers have them")
    func offsets() {
        #expect(MemoryLayout<linux_stat>.offset(of: \.mode) == MemoryLayout<stat>.offset(of: \.st_mode))
        #expect(MemoryLayout<linux_stat>.offset(of: \.size) == MemoryLayout<stat>.offset(of: \.st_size))
        // getrusage(2): two struct timeval, then ru_maxrss, three unused, ru_minflt; unions in the host's header.
        #expect(MemoryLayout<linux_rusage>.offset(of: \.maximum_resident_kib) == 32)
        #expect(MemoryLayout<linux_rusage>.offset(of: \.minor_faults) == 64)
        #expect(MemoryLayout<linux_sockaddr_vm>.offset(of: \.port) == 4)
        #expect(MemoryLayout<linux_sockaddr_vm>.offset(of: \.cid) == 8)
    }
}
