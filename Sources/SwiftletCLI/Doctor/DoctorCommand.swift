import Glibc
import Images
import JobRunner
import LinuxSystem
import SystemPackage

/// `swiftlet doctor`: whether this host can run jobs, how well, and what to change. It believes no table: the last line is
/// about jobs that were run.
struct DoctorCommand {
    private struct Options {
        var printsJSON = false
        var attacks = false
        var wantsHelp = false
    }

    private static let table = OptionTable<Options>([
        .init("json", "print what was found as JSON", .flag { $0.printsJSON = true }),
        .init(
            "attack", "run the kit of hostile guests here, and say of each attack whether it was held",
            .flag { $0.attacks = true }),
        .init("help", "h", "this text", .flag { $0.wantsHelp = true }),
    ])
    private let options: Options

    static let help = """
        usage: swiftlet doctor [options]
        Looks at what jobs need on this host, runs one, and says what to change.

        \(table.help)

        Exit status: 0 jobs can run here, with --attack: every attack was held; 1 not so; 2 bad option.

        """

    init(_ words: CommandLineWords) throws(UsageError) {
        var options = Options()
        do throws(UsageError) {
            let index = try Self.table.parse(words.texts, into: &options, isBytewise: words.isText)
            guard index == words.texts.count else { throw UsageError("takes no arguments") }
        } catch {
            throw UsageError("doctor: \(error.description)")
        }
        self.options = options
    }

    func run() -> Int32 {
        if options.wantsHelp { return printed(Self.help) }
        if options.attacks { return AttackCommand(printsJSON: options.printsJSON).run() }
        let findings = Self.examine()
        let text = options.printsJSON ? Finding.json(findings) : Finding.table(findings)
        let status = printed(text)
        return status != 0 ? status : Finding.canRunJobs(findings) ? 0 : 1
    }

    private static func examine() -> [Finding] {
        let ringZero = LinuxKernel.ringZero()
        var findings = [kvm(ringZero), guestKernels(ringZero), userNamespaces(), simultaneousThreads()]
        findings += files()
        findings += [confinement(), landlock()]
        findings += limits()
        // What is missing has been said; a job that cannot run for it would only repeat it.
        if Finding.canRunJobs(findings) { findings.append(TrialJob.finding()) }
        return findings
    }

    // MARK: - The host

    private static func kvm(_ ringZero: LinuxKernel.Trial) -> Finding {
        let model = Processor().model ?? "unknown processor"
        switch ringZero {
        case .failed(let why):
            return Finding(.problem, "kvm", why)
        case .ended(.native):
            return Finding(.ok, "kvm", "/dev/kvm, on hardware virtualization (\(model))")
        case .ended(.interpreted):
            return Finding(
                .ok, "kvm",
                "/dev/kvm, ring-deprivileged (\(model)): a system call of a job costs some 30 µs, "
                    + "computing runs at full speed; hardware virtualization would make calls cheap")
        case .ended(.unclear(let exit)):
            return Finding(
                .warning, "kvm", "/dev/kvm, of an unknown kind (\(model)): three instructions ended in \(exit)")
        }
    }

    private static func guestKernels(_ ringZero: LinuxKernel.Trial) -> Finding {
        let store = KernelStore(.standard(environment: Terminal.environment))
        let names = (try? store.names()) ?? []
        let built = "built: \(names.isEmpty ? "none" : names.joined(separator: " "))"
        if let refusal = LinuxKernel.refusal(ringZero) {
            return Finding(.ok, "kernels", "tiny; not linux: \(refusal); \(built)")
        }
        let runs = "tiny, linux and other Linux kernels (a guest's ring 0 runs natively, tried just now); \(built)"
        guard access(OwnFiles.initramfs, R_OK) == 0 else {
            return Finding(.warning, "kernels", "\(runs); but no \(OwnFiles.initramfs): make build makes it")
        }
        return Finding(
            .ok, "kernels", names.contains("linux") ? runs : "\(runs); swiftlet image build-kernel linux")
    }

    private static func userNamespaces() -> Finding {
        let limit = number(in: "/proc/sys/user/max_user_namespaces")
        if limit == 0 {
            return Finding(
                .problem, "namespaces",
                "user.max_user_namespaces is 0: sudo sysctl user.max_user_namespaces=10000")
        }
        if geteuid() != 0, number(in: "/proc/sys/kernel/unprivileged_userns_clone") == 0 {
            return Finding(
                .problem, "namespaces",
                "not for users: sudo sysctl kernel.unprivileged_userns_clone=1, or run as root")
        }
        return Finding(
            .ok, "namespaces",
            "user namespaces; the VMM gets user, mount, pid, network, ipc, uts and cgroup ones of its own")
    }

    private static func simultaneousThreads() -> Finding {
        number(in: "/sys/devices/system/cpu/smt/active") == 1
            ? Finding(
                .warning, "smt",
                "active: VMs on two threads of a core can observe each other, unless the kernel has core scheduling "
                    + "(every VM asks for a group of its own); switch it off for secrets: "
                    + "echo off | sudo tee /sys/devices/system/cpu/smt/control")
            : Finding(.ok, "smt", "off: no two VMs share a core at the same time")
    }

    private static func number(in path: String) -> Int? {
        guard let file = try? OwnedDescriptor.open(path, flags: O_RDONLY),
            let bytes = try? file.borrowed.read(upTo: 64)
        else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" })
    }

    // MARK: - Swiftlet's own

    private static func files() -> [Finding] {
        var findings: [Finding] = []
        for (subject, path) in [
            ("kernel", OwnFiles.directory + "/swiftlet-kernel"), ("vmm", OwnFiles.machine),
        ] {
            do throws(Errno) {
                let file = try OwnedDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
                let status = try file.borrowed.status()
                findings.append(
                    status.kind == .regular
                        ? Finding(.ok, subject, "\(path), \(status.size >> 10) KiB")
                        : Finding(.problem, subject, "\(path): not a regular file"))
            } catch {
                findings.append(Finding(.problem, subject, "\(path): \(error); make build makes it"))
            }
        }
        let store = ImageStore.standard(environment: Terminal.environment)
        do throws(ImageError) {
            let names = try store.names()
            findings.append(
                names.contains("base")
                    ? Finding(.ok, "images", "\(names.joined(separator: " ")) in \(store.root)")
                    : Finding(.problem, "images", "no \"base\" in \(store.root): swiftlet image build base"))
        } catch {
            findings.append(Finding(.problem, "images", error.description))
        }
        return findings
    }

    private static func confinement() -> Finding {
        let counts = Confinement.allowedCalls.map { "\($0.thread) \($0.calls)" }.joined(separator: ", ")
        return Finding(.ok, "filters", "system calls allowed while a guest runs: \(counts)")
    }

    private static func landlock() -> Finding {
        Confinement.landlockVersion.map {
            Finding(.ok, "landlock", "ABI \($0): a second lock on files, beside the VMM's empty root")
        }
            ?? Finding(
                .ok, "landlock",
                "not active in this kernel: the VMM's empty root stands alone (lsm=landlock,… adds it)"
            )
    }

    /// What each limit is enforced by.
    private static func limits() -> [Finding] {
        [
            Finding(
                .ok, "limits",
                "memory: the size of the guest's RAM; time: the launcher's clocks, wall and processor; disk: the size "
                    + "of its file; output, rates of disks and streams: the VMM; processes, open files: the "
                    + "guest's kernel; the VMM itself: RLIMIT_AS and, if there is one, its cgroup"),
            controlGroups(),
        ]
    }

    /// Found out by making one.
    private static func controlGroups() -> Finding {
        switch ControlGroups.trial() {
        case .possible(let version, let path):
            Finding(
                .ok, "cgroups", "\(version.rawValue): each VMM gets one, made in \(path), beside its resource limits")
        case .impossible(let why):
            Finding(
                .warning, "cgroups",
                "none: \(why); a VMM's memory is held by its address-space limit (RLIMIT_AS) alone. Run as root or "
                    + "in a delegated cgroup, or name one with --cgroup-parent")
        }
    }
}
