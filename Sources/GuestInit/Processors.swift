import CGuestInit

/// The processors of a machine that has several. One is saved: the others are offline while the machine is, and come online
/// again in each that goes on from there, which starts them as a boot does. So what they were doing is Linux's to put away,
/// and nobody has to stop them all at one moment (Linux 6.12, Documentation/core-api/cpu_hotplug.rst).
final class Processors {
    /// All of them, the first too, which stays online.
    private let count: Int
    /// /sys/devices/system/cpu; the job's /sys cannot be written to.
    private let directory: Descriptor

    private init(_ count: Int, _ directory: consuming Descriptor) {
        self.count = count
        self.directory = directory
    }

    /// Before the root is entered.
    /// - Returns: nil of a machine that has one.
    static func several() throws(Errno) -> Processors? {
        var online = InlineArray<128, UInt64>(repeating: 0)     // cpu_set_t: as large as Linux may ask for
        let bytes = try withArgument(of: &online) { (online) throws(Errno) in
            try LinuxCall.sched_getaffinity(0, 128 * 8, online)
        }
        var count = 0
        for word in 0..<bytes / 8 { count += online[word].nonzeroBitCount }
        guard count > 1 else { return nil }
        try Mount.makeDirectory("/sys")
        try Mount.add("sysfs", on: "/sys", from: "sysfs")
        return Processors(count, try Descriptor.open("/sys/devices/system/cpu", OpenFlags.pathOnly))
    }

    /// Programs that run elsewhere are moved to the first, and so are interrupts.
    func takeOffline() throws(Errno) { try set("0") }

    func bringOnline() throws(Errno) { try set("1") }

    private func set(_ value: StaticString) throws(Errno) {
        for number in 1..<count {
            let path = Path(Text.bytes("cpu") + Text.decimal(UInt64(number)) + Text.bytes("/online"))
            let state = Descriptor(
                owning: try path.withArgument { (path) throws(Errno) in
                    try LinuxCall.openat(
                        directory.number, path, OpenFlags.writeOnly | OpenFlags.closeOnExec)
                })
            try state.writeAll(Text.bytes(value))
        }
    }
}
