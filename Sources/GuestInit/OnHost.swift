#if !SWIFTLET_GUEST
import JobWire

/// Init as a program of the host's, as process 1 of namespaces of its own, for its tests: the job session alone. Roots,
/// devices and the boot page are the machine's.
public enum GuestInitOnHost {
    /// The nonce its reports carry.
    public static let nonce = GuestMessage.Nonce(low: 0x0102_0304_0506_0708, high: 0x090a_0b0c_0d0e_0f10)

    /// Those of a restored machine carry this one.
    public static let restoredNonce = GuestMessage.Nonce(
        low: 0x1112_1314_1516_1718, high: 0x191a_1b1c_1d1e_1f20)

    /// In place of the machine's sockets and its store to the platform device: each "machine" has descriptors of its own, and
    /// one that is saved goes on as the next.
    private final class Machines {
        let descriptors: [Int]
        var current = 0
        /// The connections that may not be left when the machine is saved.
        var open: [Int] = []

        init(_ descriptors: [Int]) { self.descriptors = descriptors }

        func connect(_ port: UInt32) throws(Errno) -> Descriptor {
            let ports = [
                JobPort.control, JobPort.standardOutput, JobPort.standardError, JobPort.standardInput,
            ]
            guard let index = ports.firstIndex(of: port) else { throw .invalidArgument }
            let made = Descriptor(owning: try LinuxCall.fcntl(descriptors[current * 4 + index], 1030, 3))
            if index < 3 { open.append(made.number) }
            return made
        }

        func save() -> Checkpoint.Restored {
            for number in open where (try? LinuxCall.fcntl(number, 1)) != nil {
                panic("a connection is open in the machine that is saved")
            }
            open = []
            // The namespaces' own parent has them too, so their end is said, not only made.
            for number in descriptors[(current * 4)...].prefix(4) { _ = try? LinuxCall.shutdown(number, 2) }
            current += 1
            if current * 4 == descriptors.count { panic("the host does not save this machine") }
            return Checkpoint.Restored(nonce: restoredNonce, clock: Clock(entry: 0))
        }
    }

    /// - Parameter descriptors: sockets that stand for the ports 1024, 1026, 1027 and 1025; behind them those of the machine
    ///   that is restored if this one is saved.
    /// - Parameter checkpoint: a file that a template's maker finds in the place of /dev/checkpoint.
    public static func run(descriptors: [Int], checkpoint: [UInt8]) -> Never {
        let checkpointFile = Path(checkpoint)
        let machines = Machines(descriptors)
        let sockets = JobSockets { (port) throws(Errno) in try machines.connect(port) }
        let checkpoint = Checkpoint(file: checkpointFile) { machines.save() }
        // Closed on exec, as init's own are; and whatever else was inherited is none of the job's.
        for number in descriptors { _ = try? LinuxCall.fcntl(number, 2, 1) }
        for number in 0..<4096 where number > 2 && !descriptors.contains(number) {
            _ = try? LinuxCall.close(number)
        }
        let children = must("init: signals") { () throws(Errno) in try Signals.start() }
        let clock = Clock(entry: 0)
        JobSession(sockets, checkpoint, nonce, clock, ControlGroups(), children, hasDisk: false).run()
        while true { _ = try? LinuxCall.exit_group(0) }
    }
}
#endif
