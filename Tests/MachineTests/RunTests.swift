import CSwiftletABI
import Glibc
import JobWire
import KernelFile
import LinuxSystem
import Sandbox
import SystemPackage
import Testing

/// Tests that need a KVM say so when they are skipped.
private let isKVMUsable = access("/dev/kvm", R_OK | W_OK) == 0

/// A kernel whose ring-3 code is `code`.
private func kernel(_ code: [UInt8]) -> [UInt8] {
    var kernel = KernelFile()
    kernel.code = code
    return kernel.encoded()
}

private enum Code {
    /// mov rax, PHYSMAP + the platform device
    static let loadPlatform = [0x48, 0xB8] + bytes(UInt64(SWIFTLET_PHYSMAP) + UInt64(SWIFTLET_PLATFORM_BASE))
    /// mov dword [rax + 0xC], command
    static func command(_ command: Int32) -> [UInt8] { [0xC7, 0x40, 0x0C] + bytes(UInt32(command)) }
    static let spin: [UInt8] = [0xEB, 0xFE]
    static let invalid: [UInt8] = [0x0F, 0x0B]
    static let powerOff = loadPlatform + command(SWIFTLET_PLATFORM_POWER_OFF) + spin

    /// Panics with `count` bytes from guest-physical `address`.
    static func panic(address: UInt64, count: UInt32) -> [UInt8] {
        // mov rcx, address; mov [rax], rcx; mov dword [rax + 8], count
        loadPlatform + [0x48, 0xB9] + bytes(address) + [0x48, 0x89, 0x08, 0xC7, 0x40, 0x08] + bytes(count)
            + command(SWIFTLET_PLATFORM_PANIC) + spin
    }

    static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        stride(from: 0, to: T.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}

/// A jailed swiftlet-vmm and what it tells.
private struct Run {
    var events: [MachineEvent] = []
    /// As waitpid(2) gives it.
    var status: CInt = 0

    var end: (cause: MachineEvent.EndCause, message: String)? {
        guard case .ended(let cause, let message) = events.last else { return nil }
        return (cause, String(decoding: message, as: UTF8.self))
    }

    /// Starts the program beside this test's own and listens until it is gone. `kill`: after the guest has begun.
    init(kernel: [UInt8], memory: String = "33554432", kvm: String = "/dev/kvm", kill: Bool = false) throws {
        var path = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &path, 4095)
        let own = String(decoding: path.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let program = FilePath(own).removingLastComponent().appending("swiftlet-vmm").string

        let system = try OwnedDescriptor.open(kvm, flags: O_RDWR)
        let image = try file(kernel)
        let ours: OwnedDescriptor
        let process: JailedProcess
        do {
            var channel = try SocketPair(type: CInt(SOCK_SEQPACKET.rawValue))
            process = try spawnJailed(
                .path(program),
                arguments: [
                    "swiftlet-vmm", "--kvm", "3", "--kernel", "4", "--memory", memory, "--events", "5",
                ],
                descriptors: [
                    DescriptorAssignment(system.borrowed, as: 3), DescriptorAssignment(image.borrowed, as: 4),
                    DescriptorAssignment(channel.second.borrowed, as: 5),
                ])
            ours = try channel.first.duplicate()
            channel.second = try channel.first.duplicate()
        }
        while case let message = try ours.borrowed.read(upTo: MachineEvent.maximumSize), !message.isEmpty {
            events.append(try MachineEvent(decoding: message))
            if kill, case .phase(.guestEntered, _) = events.last { Glibc.kill(process.processID, SIGKILL) }
        }
        waitpid(process.processID, &status, 0)
    }
}

@Suite(.enabled(if: isKVMUsable, "no usable /dev/kvm here: NOTHING is shown about running machines"))
struct RunTests {
    @Test("a guest that powers off: the phases in order, the counters, the end, status 0")
    func powerOff() throws {
        let run = try Run(kernel: kernel(Code.powerOff))
        var phases: [MachineEvent.Phase] = []
        var last: UInt64 = 0
        for case .phase(let phase, let nanoseconds) in run.events {
            phases.append(phase)
            // The jail is closed beside the making of the VM; the others follow one another.
            if phase != .jailed {
                #expect(nanoseconds > last)
                last = nanoseconds
            }
        }
        #expect(phases == [.mainEntered, .jailed, .machineCreated, .guestEntered])
        guard case .counters(let counters) = run.events.dropLast().last else {
            Issue.record("no counters before the end")
            return
        }
        #expect(counters.first { $0.id == MachineEvent.CounterID.mmioExits.rawValue }?.value == 1)
        #expect(run.end?.cause == .poweredOff)
        #expect(run.status == 0)
    }

    @Test("a panic carries its message")
    func panic() throws {
        // "\u{7F}ELF" is not in memory, but the nucleus's first bytes are: they are all 1 in this kernel.
        let run = try Run(kernel: kernel(Code.panic(address: 0x10_0000, count: 3)))
        #expect(run.end?.cause == .guestPanic)
        #expect(run.end?.message == "\u{1}\u{1}\u{1}")
        #expect(run.status >> 8 == 1)
    }

    @Test("HOSTILE 15: an exception without a handler is a triple fault, and says where")
    func tripleFault() throws {
        let run = try Run(kernel: kernel(Code.invalid))
        #expect(run.end?.cause == .tripleFault)
        #expect(run.end?.message.hasPrefix("triple fault at cs:rip 33:0x1000010") == true)
        #expect(run.status >> 8 == 1)
    }

    @Test("HOSTILE 21: a kernel that does nothing can be killed, and then there is no end")
    func killed() throws {
        let run = try Run(kernel: kernel(Code.spin), kill: true)
        #expect(run.end == nil)
        #expect(run.status == SIGKILL)
    }

    @Test("HOSTILE 16: a truncated kernel is an error of the VMM's, in a sentence")
    func truncatedKernel() throws {
        let run = try Run(kernel: Array(kernel(Code.powerOff).prefix(0x2FFF)))
        #expect(run.end?.cause == .vmmError)
        #expect(run.end?.message == "kernel: truncated: 12287 bytes, its headers need 12416")
    }

    @Test("HOSTILE 22: absurd memory sizes are an error of the VMM's", arguments: ["0", "1", "18446744073709551615"])
    func memory(size: String) throws {
        let run = try Run(kernel: kernel(Code.powerOff), memory: size)
        #expect(run.end?.cause == .vmmError)
        #expect(run.end?.message.hasPrefix("memory: \(size) bytes is too") == true)
    }

    @Test("something else in the place of /dev/kvm is noticed")
    func notKVM() throws {
        let run = try Run(kernel: kernel(Code.powerOff), kvm: "/dev/null")
        #expect(run.end?.cause == .vmmError)
        #expect(run.end?.message == "KVM_GET_API_VERSION: Inappropriate ioctl for device")
    }
}
