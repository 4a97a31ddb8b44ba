import JobRunner
import KVM
import LinuxSystem

/// Whether this host could run an unmodified Linux as guest kernel, and why `--kernel linux` is refused.
///
/// The trial's three instructions are this program's own, so that its page is no memory of a guest we distrust.
enum LinuxKernel {
    enum Trial: Equatable {
        case ended(RingZero)
        /// There is no KVM to try it on.
        case failed(String)
    }

    static func ringZero() -> Trial {
        do throws(LaunchError) {
            let kvm = try JobRunner.openKVM()
            do throws(KVMError) {
                return .ended(try KVMSystem(owning: kvm).ringZero())
            } catch {
                return .failed("/dev/kvm: \(error.description)")
            }
        } catch {
            return .failed(error.description)
        }
    }

    static func refusal() -> String { "--kernel linux: \(reason(ringZero()))" }

    static func reason(_ trial: Trial) -> String {
        switch trial {
        case .failed(let why): why
        case .ended(.interpreted):
            "this host's KVM is ring-deprivileged (it interprets a guest's ring 0, tried just now) and cannot run an "
                + "unmodified Linux; use the default kernel, tiny, or a host with VMX or SVM"
        case .ended(.native):
            "this host could run it (a guest's ring 0 runs natively, tried just now), but this version of swiftlet has "
                + "no linux kernel yet; use the default kernel, tiny"
        case .ended(.unclear(let exit)):
            "whether this host can run it is unclear (three instructions in ring 0 ended in \(exit)); use the default "
                + "kernel, tiny"
        }
    }
}
