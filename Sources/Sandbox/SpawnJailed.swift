import CLinux
import Glibc
public import LinuxSystem
public import SystemPackage

/// A started process. Its process id means nothing once it has been waited for; its pidfd never means another process.
@frozen public struct JailedProcess: ~Copyable, Sendable {
    /// Readable when the process has ended; for waitid(P_PIDFD) and pidfd_send_signal(2).
    public let pidfd: OwnedDescriptor
    public let processID: CInt
    /// The user id the process has outside of its namespace.
    public let hostUserID: UInt32
}

/// What to execute.
public enum JailedExecutable: Sendable {
    case path(String)
    case descriptor(FileDescriptor)

    /// For messages: its path, or what it is told is its name.
    func name(_ arguments: [String]) -> String {
        switch self {
        case .path(let path): path
        case .descriptor(let descriptor): arguments.first ?? "descriptor \(descriptor.rawValue)"
        }
    }
}

/// Descriptor `source` of this process is descriptor `target` of the new one.
public struct DescriptorAssignment: Sendable {
    public let source: FileDescriptor
    public let target: CInt

    public init(_ source: FileDescriptor, as target: CInt) {
        self.source = source
        self.target = target
    }
}

/// The cgroup that a new process is in from its first instruction on.
public enum ControlGroupEntry: Sendable {
    /// Version 1: its file `tasks`, open for writing.
    case tasks(FileDescriptor)
    /// Version 2: its directory.
    case directory(FileDescriptor)
}

/// Starts a program in user, mount, pid, network, ipc and uts namespaces of its own, with exactly the descriptors listed,
/// an empty environment, and the order to die with this thread.
///
/// Standard input, output and error are /dev/null unless they are among the targets. As root the process gets a user and
/// group id that nobody else has; other users' processes keep their own. It is user 0 of its namespace, and process 1.
///
/// The kernel kills the process when the *thread* that called this ends: call it from one that lives as long as the
/// process shall.
///
/// - Parameters:
///   - arguments: The first is the program's name for itself.
///   - descriptors: At most 64, each target once. The sources stay open here.
///   - group: A cgroup to be in; nil: the caller's.
///   - unconfined: **No namespaces, no other user id.** For debugging a program that is trusted.
/// - Throws: `SpawnError`, also when the program could not be executed; there is no process then.
public func spawnJailed(
    _ executable: JailedExecutable, arguments: [String], descriptors: [DescriptorAssignment],
    group: ControlGroupEntry? = nil, unconfined: Bool = false
) throws(SpawnError) -> JailedProcess {
    let assignments = descriptors.map { jail_descriptor(source: $0.source.rawValue, target: $0.target) }
    var path: UnsafeMutablePointer<CChar>?
    if case .path(let text) = executable { path = strdup(text) }
    var vector = arguments.map { strdup($0) }
    vector.append(nil)
    defer {
        free(path)
        for argument in vector { free(argument) }
    }
    var request = jail_spawn()
    request.path = UnsafePointer(path)
    request.executable = -1
    if case .descriptor(let descriptor) = executable { request.executable = descriptor.rawValue }
    request.descriptor_count = UInt32(assignments.count)
    request.in_namespaces = !unconfined
    request.group_tasks = -1
    request.group_directory = -1
    switch group {
    case .tasks(let file): request.group_tasks = file.rawValue
    case .directory(let directory): request.group_directory = directory.rawValue
    case nil: break
    }
    let isRoot = geteuid() == 0
    request.changes_identity = isRoot
    request.host_uid = isRoot ? machineUserID() : geteuid()
    request.host_gid = isRoot ? request.host_uid : getegid()

    var pidfd: CInt = -1
    var step: CInt = 0
    // SAFETY: `jail_start` returns after the child has called execve or ended, so the arrays outlive their use.
    let result = assignments.withUnsafeBufferPointer { assignments in
        vector.withUnsafeBufferPointer { vector in
            request.descriptors = assignments.baseAddress
            request.arguments = vector.baseAddress
            return jail_start(&request, &pidfd, &step)
        }
    }
    if result < 0 {
        throw SpawnError(
            step: SpawnStep(rawValue: step) ?? .channel, error: Errno(rawValue: -result),
            program: executable.name(arguments))
    }
    return JailedProcess(
        pidfd: OwnedDescriptor(owning: FileDescriptor(rawValue: pidfd)), processID: result,
        hostUserID: unconfined ? geteuid() : request.host_uid)
}

/// A user id for one machine: one of the 268 million from 0x70000000 on, which systemd's list of ranges leaves unused.
/// Random, so that no two machines of this or another launcher share one.
func machineUserID() -> UInt32 {
    var generator = SystemRandomNumberGenerator()
    return UInt32.random(in: 0x7000_0000...0x7FFF_FFFD, using: &generator)
}
