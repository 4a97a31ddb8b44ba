import LinuxSystem
import SystemPackage

/// A machine that was started and that no job has had: its VMM runs in its jail, its guest kernel boots or waits for a job.
/// To run a job on it consumes it, so no second one ever can.
public struct PreparedMachine: ~Copyable {
    let channels: JobChannels
    let process: MachineProcess
    /// When its VMM's start began, on CLOCK_MONOTONIC in nanoseconds.
    let launched: UInt64
    /// Whether it was prepared for a job that was not known yet: its streams are pipes of ours.
    let isWarm: Bool
}
