import LinuxSystem
import SystemPackage

/// A machine that was started and that no job has had: its VMM runs in its jail, its guest kernel boots or waits for a job.
/// To run a job on it consumes it, so no second one ever can.
public struct PreparedMachine: ~Copyable, @unchecked Sendable {
    // SAFETY: `JobChannels` is a class without a lock, but nobody else refers to the machine's: who has the machine has it
    // alone, and gives it to another thread as a whole.
    let channels: JobChannels
    let process: MachineProcess
    /// When its VMM's start began, on CLOCK_MONOTONIC in nanoseconds.
    let launched: UInt64
    /// Whether it was prepared for a job that was not known yet: its streams are pipes of ours.
    let isWarm: Bool
}

/// Has prepared machines to give.
public protocol MachineSource: Sendable {
    /// One of this shape, whose guest waits for its job or is about to; nil: there is none now, and the job starts its own.
    func take(_ shape: MachineShape) -> PreparedMachine?
}
