import JobRunner

/// Something hostile that a guest may do: one evil kernel of the kit (Tests/evil), or several that do the same to several
/// devices, and what must come of it.
struct Attack {
    /// What the guest does.
    let name: String
    /// Files of the kit.
    let kernels: [String]
    /// What a host must show, in a few words.
    let mustHold: String
    /// The verdicts that are right. None of them is success.
    let verdicts: [Reason]
    /// For guests that never end by themselves; the others get `patience`.
    let limitSeconds: UInt64
    /// Its root image is a virtio-block device, and it has a scratch disk.
    let wantsDisks: Bool

    /// A guard against a hang; on an idle host each ends within a second.
    static let patienceSeconds: UInt64 = 60
    /// Long enough to do harm.
    private static let endlessSeconds: UInt64 = 2

    private init(
        _ name: String, _ kernels: [String], _ mustHold: String, _ verdicts: [Reason],
        limitSeconds: UInt64 = patienceSeconds, wantsDisks: Bool = false
    ) {
        self.name = name
        self.kernels = kernels
        self.mustHold = mustHold
        self.verdicts = verdicts
        self.limitSeconds = limitSeconds
        self.wantsDisks = wantsDisks
    }

    /// A guest that powers off when it is done; those that check what they get panic if it is wrong.
    private static func passing(
        _ name: String, _ kernel: String, holds mustHold: String, wantsDisks: Bool = false
    ) -> Attack {
        Attack(name, [kernel], mustHold, [.protocolError], wantsDisks: wantsDisks)
    }

    /// A guest whose own fault ends it.
    private static func failing(_ name: String, _ kernel: String, holds mustHold: String) -> Attack {
        Attack(name, [kernel], mustHold, [.guestPanic])
    }

    /// A guest that never ends: the host's limit ends it.
    private static func endless(_ name: String, _ kernel: String, holds mustHold: String) -> Attack {
        Attack(name, [kernel], mustHold, [.wallTimeout], limitSeconds: endlessSeconds)
    }

    /// A guest whose report is a lie, or cut off.
    private static func lying(_ name: String, _ kernel: String, holds mustHold: String) -> Attack {
        Attack(name, [kernel], mustHold, [.protocolError])
    }

    private static func chains(_ device: String, _ name: String, wantsDisks: Bool = false) -> Attack {
        Attack(
            "descriptor chains of every wrong shape, \(name)", (0..<20).map { "chains-\(device)-\($0)" },
            "loops end, addresses outside RAM are refused", [.protocolError, .guestPanic],
            wantsDisks: wantsDisks)
    }

    /// In the order in which they are run.
    static let all: [Attack] =
        processor + devices + vsock + [
            lying("a report with another boot's nonce", "forged-nonce", holds: "not success"),
            lying("success without the output it claims", "exit-without-streams", holds: "not success"),
            lying("a report cut before its end", "exit-not-finished", holds: "not success"),
            lying("two exit reports", "two-exits", holds: "not success"),
            lying("a frame of 4 GiB", "endless-frame", holds: "refused at its header, costs no memory"),
            lying("a million frames of no known type", "tiny-frames", holds: "refused at the first"),
        ]

    private static let processor: [Attack] = [
        passing("an orderly end without a report", "power-off", holds: "not success"),
        failing("a kernel that gives up", "panic", holds: "the guest's panic, with its message"),
        failing("an exception without a handler", "triple-fault", holds: "ends this VM only"),
        failing("a panic whose message is outside memory", "wild-message", holds: "no byte of the host's is shown"),
        passing("every I/O port, string I/O", "ports", holds: "nobody answers"),
        passing("model-specific registers by the thousand", "msrs", holds: "KVM refuses, or it is the guest's own"),
        passing("writes into the root image", "read-only-image", holds: "the image is mapped read-only"),
        endless("a spin", "spin", holds: "the time limit ends it"),
        endless("a spin in ring 0, interrupts off", "spin-ring0", holds: "the time limit ends it"),
        endless("a halt with interrupts off", "sleep-forever", holds: "the time limit ends it"),
        endless("a log without end", "log-flood", holds: "kept up to a limit, the rest dropped"),
    ]

    private static let devices: [Attack] = [
        passing("every register of every device, every width", "mmio-storm", holds: "answered or ignored"),
        failing("queues outside memory, of impossible sizes", "queue-wild", holds: "refused"),
        passing("notifications without end", "notify-storm", holds: "one wake-up at a time"),
        chains("VSOCK", "vsock"), chains("ENTROPY", "entropy"), chains("CONSOLE", "console"),
    ]

    private static let vsock: [Attack] = [
        passing("vsock packets of every wrong kind", "vsock-flood", holds: "reset or dropped")
    ]
}
