import CGuestInit
import CSwiftletABI

/// Process 1 of a Linux guest.
///
///     /dev/mem: platform device, boot page · modules · mounts · the job · power off
enum Init {
    static func main() -> Never {
        fillStandardDescriptors()
        let page = must("init: reach the machine through /dev/mem") { () throws(Errno) in try openMachine() }
        let children = must("init: signals") { () throws(Errno) in try Signals.start() }
        Modules.load()
        must("init: mount /proc and /dev") { () throws(Errno) in
            for place: Path in ["/proc", "/dev"] { try Mount.makeDirectory(place) }
            try Mount.add("proc", on: "/proc", from: "proc")
            try Mount.add("devtmpfs", on: "/dev", from: "dev")
        }
        let clock = Clock(entry: page.wallClock)
        let identity = must("init: the machine's identity") { () throws(Errno) in try MachineIdentity.open() }
        must("init: seed the random generator") { () throws(Errno) in
            try page.creditEntropy(identity.random)
        }
        must("init: keep clear of the memory killer") { () throws(Errno) in
            let score = try Descriptor.open("/proc/self/oom_score_adj", OpenFlags.writeOnly)
            try score.writeAll(Text.bytes("-1000"))
        }
        let processors = must("init: the machine's processors") { () throws(Errno) in try Processors.several() }
        let groups = ControlGroups(mounting: ())
        let disk = ScratchDisk.start()
        RootTree.mount(groups, disk)
        RootTree.enter()
        nameMachine()
        let checkpoint = Checkpoint(file: "/dev/checkpoint") {
            must("init: take all processors but the first offline") { () throws(Errno) in
                try processors?.takeOffline()
            }
            let restored = identity.renew(Platform.checkpoint())
            must("init: bring the other processors online") { () throws(Errno) in try processors?.bringOnline() }
            return restored
        }
        JobSession(.vsock, checkpoint, page.nonce, clock, groups, children, hasDisk: disk != nil).run()
        Platform.powerOff()
    }

    /// The kernel opens /dev/console for them; where it could not, the first files that init opens would become the job's.
    private static func fillStandardDescriptors() {
        for number in 0...2 where (try? LinuxCall.fcntl(number, 1)) == nil {     // F_GETFD
            let root: Path = "/"
            _ = try? root.withArgument { (root) throws(Errno) in
                try LinuxCall.open(root, OpenFlags.pathOnly)
            }
        }
        _ = try? LinuxCall.umask(0)
    }

    private static func openMachine() throws(Errno) -> BootPage {
        // A node of init's own: nothing is mounted yet, and the job's /dev has none.
        let node: Path = "/memory"
        try Mount.makeDevice(node, 1, 1, mode: 0o600)
        let memory = try Descriptor.open(node, OpenFlags.readWrite | OpenFlags.synchronous)
        try node.withArgument { (node) throws(Errno) in try LinuxCall.unlink(node) }
        try Platform.start(memory)
        guard let page = Platform.takeBootPage()
        else { panic("init: no boot page: this kernel was not started by swiftlet-vmm") }
        return page
    }

    private static func nameMachine() {
        let name = Text.bytes("swiftlet")
        _ = try? name.withUnsafeBufferPointer { (name) throws(Errno) in
            try LinuxCall.sethostname(Int(bitPattern: name.baseAddress), name.count)
        }
        // A kernel without a network has no loopback to bring up.
        guard let number = try? LinuxCall.socket(2, 0o2000002, 0) else { return }     // AF_INET, SOCK_DGRAM
        let socket = Descriptor(owning: number)
        var request = linux_ifreq()
        withUnsafeMutableBytes(of: &request.name) { $0.copyBytes(from: Text.bytes("lo")) }
        request.flags = 0x41     // IFF_UP, IFF_RUNNING
        _ = try? withArgument(of: &request) { (request) throws(Errno) in
            try LinuxCall.ioctl(socket.number, 0x8914, request)     // SIOCSIFFLAGS
        }
    }
}

#if SWIFTLET_GUEST
@c func guest_init_main() { Init.main() }
#endif
