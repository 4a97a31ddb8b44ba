import JobRunner
import KVM
import LinuxSystem

/// Whether this host can run an unmodified Linux as guest kernel, and what of a job cannot have one yet.
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

    /// Why this host cannot run one; nil: it can.
    static func refusal(_ trial: Trial) -> String? {
        switch trial {
        case .failed(let why): why
        case .ended(.interpreted):
            "this host's KVM is ring-deprivileged (it interprets a guest's ring 0, tried just now) and cannot run an "
                + "unmodified Linux; use the default kernel, tiny, or a host with VMX or SVM"
        case .ended(.native): nil
        case .ended(.unclear(let exit)):
            "whether this host can run it is unclear (three instructions in ring 0 ended in \(exit)); use the default "
                + "kernel, tiny"
        }
    }

    /// The first option of a job that only the kernel tiny serves; nil: there is none.
    static func misfit(_ options: RunOptions, given: Set<String>) -> String? {
        if given.contains("root-transport"), options.rootTransport != .block {
            return "--root-transport \(options.rootTransport.rawValue): a Linux kernel reads its image through "
                + "virtio-block; leave it out"
        }
        return nil
    }
}
