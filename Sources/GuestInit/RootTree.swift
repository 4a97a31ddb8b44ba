/// The tree the job sees: the image under a writable layer in memory, and over it what the tiny kernel has there too.
///
///     overlay      /            lower: EROFS of the first block device, upper: tmpfs
///     tmpfs        /dev         null zero full random urandom tty ptmx checkpoint, fd and the standard three, shm
///     devpts       /dev/pts
///     proc         /proc
///     sysfs        /sys         read-only
///     cgroup2      /sys/fs/cgroup   the job's own group, read-only
///
/// The devices of the machine (/dev/mem, /dev/vda) stay behind in the initramfs, which no path leads to any more.
enum RootTree {
    private static let tree: Path = "/tree"

    /// Mounts all of it below /tree.
    /// - Parameter disk: where the writable layer goes when memory is short.
    static func mount(_ groups: borrowing ControlGroups, _ disk: ScratchDisk?) {
        waitForRootDevice()
        must("init: make the places for the root") { () throws(Errno) in
            for place: Path in ["/image", "/layer", tree] { try Mount.makeDirectory(place) }
        }
        must("init: the root device holds no image: mount /dev/vda as EROFS") { () throws(Errno) in
            try Mount.add("erofs", on: "/image", from: "/dev/vda", Mount.readOnly)
        }
        must("init: mount the writable layer (tmpfs)") { () throws(Errno) in
            try Mount.add(
                "tmpfs", on: "/layer", from: "layer", options: ScratchDisk.layerOptions(disk))
            try Mount.makeDirectory("/layer/upper")
            try Mount.makeDirectory("/layer/work")
        }
        must("init: mount the root (overlay)") { () throws(Errno) in
            try Mount.add(
                "overlay", on: tree, from: "overlay", Mount.noAccessTimes,
                options: "lowerdir=/image,upperdir=/layer/upper,workdir=/layer/work")
        }
        must("init: make the root's directories") { () throws(Errno) in
            for place: Path in ["/tree/dev", "/tree/proc", "/tree/sys", "/tree/run"] {
                try Mount.makeDirectory(place)
            }
            try Mount.makeDirectory("/tree/tmp", mode: 0o1777)
        }
        mountDevices()
        must("init: mount the job's /proc") { () throws(Errno) in
            try Mount.add("proc", on: "/tree/proc", from: "proc")
        }
        must("init: mount the job's /sys") { () throws(Errno) in
            try Mount.add("sysfs", on: "/tree/sys", from: "sysfs", Mount.readOnly)
        }
        groups.show(at: "/tree/sys/fs/cgroup")
    }

    /// Makes it the root of init, and so of the job.
    static func enter() {
        must("init: enter the root") { () throws(Errno) in
            try Mount.changeDirectory(tree)
            try Mount.add("", on: "/", from: ".", Mount.move)
            let here: Path = "."
            try here.withArgument { (here) throws(Errno) in try LinuxCall.chroot(here) }
            try Mount.changeDirectory("/")
        }
    }

    private static func mountDevices() {
        must("init: mount the job's /dev (tmpfs)") { () throws(Errno) in
            try Mount.add(
                "tmpfs", on: "/tree/dev", from: "dev", Mount.noSetUser, options: "mode=755")
        }
        must("init: make the job's devices") { () throws(Errno) in
            let devices: [(path: Path, major: Int, minor: Int)] = [
                ("/tree/dev/null", 1, 3), ("/tree/dev/zero", 1, 5), ("/tree/dev/full", 1, 7),
                ("/tree/dev/random", 1, 8), ("/tree/dev/urandom", 1, 9), ("/tree/dev/tty", 5, 0),
                ("/tree/dev/ptmx", 5, 2),
            ]
            for device in devices {
                try Mount.makeDevice(device.path, device.major, device.minor, mode: 0o666)
            }
            try CheckpointFile.makeDevice("/tree/dev/checkpoint")
            let links: [(path: Path, target: Path)] = [
                ("/tree/dev/fd", "/proc/self/fd"), ("/tree/dev/stdin", "/proc/self/fd/0"),
                ("/tree/dev/stdout", "/proc/self/fd/1"), ("/tree/dev/stderr", "/proc/self/fd/2"),
            ]
            for link in links { try Mount.makeLink(link.path, to: link.target) }
            try Mount.makeDirectory("/tree/dev/pts")
            try Mount.makeDirectory("/tree/dev/shm", mode: 0o1777)
        }
        must("init: mount /dev/pts") { () throws(Errno) in
            try Mount.add(
                "devpts", on: "/tree/dev/pts", from: "devpts",
                options: "ptmxmode=0666,mode=0620,gid=5")
        }
    }

    /// A driver may find its device a little after it was loaded.
    private static func waitForRootDevice() {
        let device: Path = "/dev/vda"
        for _ in 0..<100 {
            if (try? Descriptor.open(device, OpenFlags.readOnly)) != nil { return }
            pause(milliseconds: 20)
        }
        panic("init: no root device: /dev/vda is not there")
    }

    private static func pause(milliseconds: Int64) {
        _ = try? Poll.wait(for: [], milliseconds: milliseconds)
    }
}
