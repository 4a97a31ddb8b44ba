import CGuestInit
import JobWire

/// What makes a machine itself and not another that was restored from the same template: its random numbers, its clock,
/// its boot_id.
final class MachineIdentity {
    /// The random generator.
    let random: Descriptor
    /// In the initramfs, which the job does not see; what its boot_id reads as in a restored machine.
    private let bootID: Descriptor

    private init(_ random: consuming Descriptor, _ bootID: consuming Descriptor) {
        self.random = random
        self.bootID = bootID
    }

    /// Before the root is entered: the job may do to its tree what it likes.
    static func open() throws(Errno) -> MachineIdentity {
        let random = try Descriptor.open("/dev/urandom", OpenFlags.writeOnly)
        let bootID = try Descriptor.open("/boot_id", OpenFlags.readWrite | OpenFlags.create, mode: 0o444)
        return MachineIdentity(random, bootID)
    }

    /// The first act of a restored machine, whose programs do not run yet.
    func renew(_ page: BootPage) -> Checkpoint.Restored {
        let clock = must("init: step the clock") { () throws(Errno) in try Clock(restored: page.wallClock) }
        must("init: seed the random generator anew") { () throws(Errno) in try page.reseed(random) }
        must("init: renew boot_id") { () throws(Errno) in try renewBootID() }
        return Checkpoint.Restored(nonce: page.nonce, clock: clock)
    }

    /// Linux draws it once and lets nobody write it, so another file is mounted over it.
    private func renewBootID() throws(Errno) {
        var value: InlineArray<16, UInt8> = InlineArray(repeating: 0)
        try withArgument(of: &value) { (value) throws(Errno) in
            if try LinuxCall.getrandom(value, 16, 0) != 16 { throw .ioError }
        }
        try bootID.writeAll(Text.uuid(value) + [UInt8(ascii: "\n")])
        let place: Path = "/proc/sys/kernel/random/boot_id"
        let source = Path(Text.bytes("/proc/self/fd/") + Text.decimal(UInt64(bootID.number)))
        try Mount.add("", on: place, from: source, Mount.bind)
        try Mount.add("", on: place, from: "", Mount.bind | Mount.remount | Mount.readOnly)
    }
}
