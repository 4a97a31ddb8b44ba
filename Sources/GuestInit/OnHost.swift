#if !SWIFTLET_GUEST
import JobWire

/// Init as a program of the host's, as process 1 of namespaces of its own, for its tests: the job session alone. Roots,
/// devices and the boot page are the machine's.
public enum GuestInitOnHost {
    /// The nonce its reports carry.
    public static let nonce = GuestMessage.Nonce(low: 0x0102_0304_0506_0708, high: 0x090a_0b0c_0d0e_0f10)

    /// - Parameter descriptors: sockets that stand for the ports 1024, 1026, 1027 and 1025.
    public static func run(descriptors: [Int]) -> Never {
        let sockets = JobSockets { (port) throws(Errno) in
            let ports = [
                JobPort.control, JobPort.standardOutput, JobPort.standardError, JobPort.standardInput,
            ]
            guard let index = ports.firstIndex(of: port) else { throw .invalidArgument }
            return Descriptor(owning: descriptors[index])
        }
        // Closed on exec, as init's own are; and whatever else was inherited is none of the job's.
        for number in descriptors { _ = try? LinuxCall.fcntl(number, 2, 1) }
        for number in 0..<4096 where number > 2 && !descriptors.contains(number) {
            _ = try? LinuxCall.close(number)
        }
        let children = must("init: signals") { () throws(Errno) in try Signals.start() }
        JobSession(sockets, nonce, Clock(entry: 0), ControlGroups(), children, hasDisk: false).run()
        while true { _ = try? LinuxCall.exit_group(0) }
    }
}
#endif
