import CLinux
import Glibc
import JobWire
import LinuxSystem
import SystemPackage

/// Runs jobs, one call each, on the calling thread.
public struct JobRunner: Sendable {
    private let kvm: FileDescriptor
    private let start: MachineStarter
    private let reaper: Reaper?

    /// - Parameters:
    ///   - kvm: /dev/kvm, open for reading and writing.
    ///   - reaper: For a process that runs many jobs; one that ends with its job needs none.
    public init(kvm: FileDescriptor, reaper: Reaper? = nil, start: @escaping MachineStarter) {
        self.kvm = kvm
        self.reaper = reaper
        self.start = start
    }

    /// Opens /dev/kvm, or says why that cannot be done and what to do about it.
    public static func openKVM() throws(LaunchError) -> OwnedDescriptor {
        do throws(Errno) {
            return try OwnedDescriptor.open("/dev/kvm", flags: O_RDWR)
        } catch {
            switch error {
            case .noSuchFileOrDirectory, .noSuchAddressOrDevice, Errno(rawValue: ENODEV): throw .kvmMissing
            case .permissionDenied: throw .kvmDenied
            default: throw .kvm(error)
            }
        }
    }

    /// Runs one job to its verdict. When this returns the VMM has been told to go and may still be going: closing a VM
    /// takes about 15 ms, and nobody is to wait for that. The VMM is a child of this process: one that exits leaves it to
    /// init, one that lives on has a `Reaper`.
    ///
    /// - Parameters:
    ///   - begun: When the caller began with the job, on CLOCK_MONOTONIC in nanoseconds; time limits count from here.
    ///   - machines: Prepared ones, of which the job gets one if one of its shape is there.
    /// - Throws: `LaunchError` if there was nothing to judge: no VMM was started, or input files are not there.
    public func run(
        _ request: JobRequest, begun: UInt64, machines: (any MachineSource)? = nil
    ) throws(LaunchError) -> JobResult {
        let files = try Self.check(request)
        if let machines, request.disk == nil, !request.template.isMaking {
            while let machine = machines.take(request.shape) {
                if let result = try run(request, files, on: machine, begun: begun) { return result }
            }
        }
        let own = try prepare(for: request)
        if let result = try run(request, files, on: own, begun: begun) { return result }
        throw .system(doing: "running the job", errno: .notSupported)
    }

    /// Starts a machine for a job that is not known yet.
    public func prepare(_ shape: MachineShape) throws(LaunchError) -> PreparedMachine {
        let launched = monotonicNanoseconds()
        let channels: JobChannels
        do throws(Errno) {
            channels = try JobChannels.ofUnknownJob()
        } catch {
            throw .system(doing: "preparing a machine's channels", errno: error)
        }
        let process = try channels.launch(shape, kvm: kvm, start)
        return PreparedMachine(channels: channels, process: process, launched: launched, isWarm: true)
    }

    /// Starts a machine for this one job, whose streams its VMM reads and writes itself.
    private func prepare(for request: JobRequest) throws(LaunchError) -> PreparedMachine {
        let launched = monotonicNanoseconds()
        let channels: JobChannels
        do throws(Errno) {
            channels = try JobChannels(request)
        } catch {
            throw .system(doing: "preparing the job's channels", errno: error)
        }
        let process = try channels.launch(request, kvm: kvm, start)
        return PreparedMachine(channels: channels, process: process, launched: launched, isWarm: false)
    }

    /// What of a job can be found wrong before it has a machine.
    private static func check(_ request: JobRequest) throws(LaunchError) -> FilePlan {
        try request.checkWords()
        return FilePlan(
            inputs: try InputPlan(request.inputs), outputs: try OutputCollector.places(of: request.outputs))
    }

    /// - Returns: nil if a prepared machine was gone before anything of the job was sent to it.
    private func run(
        _ request: JobRequest, _ files: FilePlan, on machine: consuming PreparedMachine, begun: UInt64
    ) throws(LaunchError) -> JobResult? {
        do throws(Errno) {
            let group = machine.process.group
            let isOurs = machine.process.keeper == nil && reaper != nil
            var child: OwnedDescriptor? = isOurs ? try machine.process.pidfd.duplicate() : nil
            defer { if let child = child.take() { reaper?.adopt(child, group) } }
            let loop = try JobLoop(request, files, on: machine, begun: begun)
            let result = try loop.run()
            return loop.hasMachineMissedJob ? nil : result
        } catch {
            throw .system(doing: "waiting for the job", errno: error)
        }
    }
}

/// A job's files on the host, as they were found before it had a machine.
struct FilePlan {
    var inputs: InputPlan
    /// Of the request's outputs, in their order.
    var outputs: [WrittenPlace]
}
