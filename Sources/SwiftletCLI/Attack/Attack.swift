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
    let disks: Disks

    /// The block devices that the guest has.
    enum Disks {
        case none
        /// The root image, read-only.
        case image
        case imageAndScratch
    }

    /// A guard against a hang; on an idle host each ends within a second.
    static let patienceSeconds: UInt64 = 60
    /// Long enough to do harm.
    private static let endlessSeconds: UInt64 = 2

    private init(
        _ name: String, _ kernels: [String], _ mustHold: String, _ verdicts: [Reason],
        limitSeconds: UInt64 = patienceSeconds, disks: Disks = .none
    ) {
        self.name = name
        self.kernels = kernels
        self.mustHold = mustHold
        self.verdicts = verdicts
        self.limitSeconds = limitSeconds
        self.disks = disks
    }

    /// A guest that powers off when it is done; those that check what they get panic if it is wrong.
    private static func passing(
        _ name: String, _ kernel: String, holds mustHold: String, disks: Disks = .none
    ) -> Attack {
        Attack(name, [kernel], mustHold, [.protocolError], disks: disks)
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

    private static func chains(_ device: String, _ name: String, disks: Disks = .none) -> Attack {
        Attack(
            "descriptor chains of every wrong shape, \(name)", (0..<20).map { "chains-\(device)-\($0)" },
            "loops end, addresses outside RAM are refused", [.protocolError, .guestPanic],
            disks: disks)
    }

    /// In the order in which they are run.
    static let all: [Attack] =
        processor + devices + vsock + [
            lying("a report with another boot's nonce", "forged-nonce", holds: "not success"),
            lying("a boot with a nonce that was made up", "forged-hello", holds: "not success"),
            // Nothing at that address, and so all ones; with a test's VMM it has a system call made.
            failing("the device that tests put an attacker in by", "takeover", holds: "this VMM has none"),
            lying("success without the output it claims", "exit-without-streams", holds: "not success"),
            lying("output after the exit report", "output-after-exit", holds: "not success"),
            lying("a report cut before its end", "exit-not-finished", holds: "not success"),
            lying("two exit reports", "two-exits", holds: "not success"),
            lying("a frame of 4 GiB", "endless-frame", holds: "refused at its header, costs no memory"),
            lying("a million frames of no known type", "tiny-frames", holds: "refused at the first"),
        ]

    private static let processor: [Attack] = [
        passing("an orderly end without a report", "power-off", holds: "not success"),
        failing("a kernel that gives up", "panic", holds: "the guest's panic, with its message"),
        failing("an exception without a handler", "triple-fault", holds: "ends this VM only"),
        failing(
            "a panic whose message is outside memory", "wild-message", holds: "no byte of the host's is shown"
        ),
        passing("every I/O port, string I/O", "ports", holds: "nobody answers"),
        passing(
            "model-specific registers by the thousand", "msrs", holds: "KVM refuses, or it is the guest's own"
        ),
        passing("writes into the root image", "read-only-image", holds: "the image is mapped read-only"),
        Attack(
            "string instructions on device pages", ["string-mmio"], "each item is an access like any other",
            [.protocolError, .guestPanic]),
        failing("an instruction KVM cannot emulate", "internal-error", holds: "ends this VM only"),
        failing("every way to reboot a PC", "reboot", holds: "nothing, and a triple fault ends this VM only"),
        passing("page tables of every wrong kind", "page-tables", holds: "KVM's shadows of them stay right"),
        failing("a page table with reserved bits", "reserved-bits", holds: "ends this VM only"),
        passing("hypercalls of every number", "hypercalls", holds: "KVM refuses"),
        passing("nested virtualisation", "nested", holds: "neither told of nor to be had"),
        passing("a PC's timer", "pit", holds: "there is none"),
        passing("a timer storm", "timer-storm", holds: "the guest's own processor time"),
        endless("a timer of a nanosecond, halted", "timer-periodic", holds: "the time limit ends it"),
        passing("interrupts sent to itself", "self-interrupts", holds: "delivered or dropped"),
        Attack(
            "a system management interrupt to itself", ["self-smi"], "the guest's own loss",
            [.protocolError, .guestPanic, .wallTimeout], limitSeconds: endlessSeconds),
        Attack(
            "the only processor stopped by INIT", ["self-init"], "the time limit ends it, or KVM gives up",
            [.wallTimeout, .guestPanic], limitSeconds: endlessSeconds),
        endless("a spin", "spin", holds: "the time limit ends it"),
        endless("a spin in ring 0, interrupts off", "spin-ring0", holds: "the time limit ends it"),
        endless("a halt with interrupts off", "sleep-forever", holds: "the time limit ends it"),
        endless("a log without end", "log-flood", holds: "kept up to a limit, the rest dropped"),
    ]

    private static let devices: [Attack] = [
        passing("every register of every device, every width", "mmio-storm", holds: "answered or ignored"),
        // The guest may be off before the device loop has seen the worst of it.
        Attack(
            "queues outside memory, of impossible sizes", ["queue-wild"], "refused",
            [.guestPanic, .protocolError]),
        passing("notifications without end", "notify-storm", holds: "one wake-up at a time"),
        passing(
            "every transition of the status register", "status-walk", holds: "only those of the specification"
        ),
        passing("event indices at every extreme", "event-index", holds: "every chain is served"),
        passing(
            "resets in the middle of requests", "reset-storm", holds: "nothing is written after one",
            disks: .image),
        passing(
            "headers rewritten while they are read", "time-of-use", holds: "what was checked is used",
            disks: .image),
        passing(
            "wrong block requests, read-only disk", "block-image", holds: "refused, the image unchanged",
            disks: .image),
        passing("wrong block requests, both disks", "block-wild", holds: "refused", disks: .imageAndScratch),
        passing("a megabyte of entropy, without end", "entropy-flood", holds: "64 KiB for a request"),
        chains("BLOCK", "block", disks: .image),
        chains("VSOCK", "vsock"), chains("ENTROPY", "entropy"), chains("CONSOLE", "console"),
    ]

    private static let vsock: [Attack] = [
        passing("vsock packets of every wrong kind", "vsock-flood", holds: "reset or dropped"),
        endless("a guest that never reads", "deaf", holds: "the time limit ends it"),
        passing(
            "lies about credit", "vsock-credit", holds: "nothing is sent without credit, a lie is a reset"),
        passing(
            "connection floods, none finished", "vsock-connections",
            holds: "64 answers wait, no more is taken"),
    ]
}
