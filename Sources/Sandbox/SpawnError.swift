import CLinux
import Glibc
public import SystemPackage

/// What `spawnJailed` was doing when it failed. In the order of `enum jail_step` (jail_calls.h).
public enum SpawnStep: CInt, CaseIterable, Sendable {
    case channel, clone, setgroupsFile, uidMap, gidMap, identity, session, parentDeath, nullDevice
    case descriptors, closeOthers, execute, controlGroup

    var sentence: String {
        switch self {
        case .channel: "making the channel to the new process"
        case .clone: "creating the process in namespaces of its own (clone)"
        case .setgroupsFile: "writing /proc/PID/setgroups"
        case .uidMap: "writing /proc/PID/uid_map"
        case .gidMap: "writing /proc/PID/gid_map"
        case .identity: "changing to the virtual machine's own user id"
        case .session: "starting a session (setsid)"
        case .parentDeath: "asking to be killed with the launcher (PR_SET_PDEATHSIG)"
        case .nullDevice: "opening /dev/null"
        case .descriptors: "arranging descriptors"
        case .closeOthers: "closing all other descriptors (close_range)"
        case .execute: "executing the program"
        case .controlGroup: "entering its cgroup"
        }
    }

    /// What the step is for.
    var why: String {
        switch self {
        case .channel: "a step that fails in the new process is reported by its name"
        case .clone:
            "user, mount, pid, network, ipc, uts and cgroup: in there is no other process, no network and no host name"
        case .setgroupsFile: "what Linux asks of callers without privilege, before they map a group"
        case .uidMap:
            "user 0 inside is one user outside: as root a random one that nobody else has, else the caller"
        case .gidMap: "as for the user"
        case .identity: "nothing inside runs as the caller"
        case .session: "no controlling terminal: nothing can be typed into the caller's"
        case .parentDeath: "no VM outlives its launcher"
        case .nullDevice: "for the standard descriptors"
        case .descriptors: "the program gets the descriptors it is named, and /dev/null as the standard ones"
        case .closeOthers: "nothing else of the caller's stays open"
        case .execute: "by descriptor, with an empty environment"
        case .controlGroup: "what it uses is counted and limited by the host's kernel, from its first page on"
        }
    }
}

/// A process could not be started in a jail. Nothing of it is left.
public struct SpawnError: Error, Equatable, CustomStringConvertible {
    public let step: SpawnStep
    public let error: Errno
    let program: String

    public var description: String {
        // jail_start's word for a process that is gone and has said nothing.
        if error == Errno(rawValue: EPROTO) {
            return "\(program): the new process was killed before it executed it"
        }
        var text = "\(program): \(step.sentence): \(error)"
        switch (step, error) {
        case (.clone, .notPermitted), (.clone, .noSpace), (.uidMap, .notPermitted):
            text +=
                "; user namespaces are not available here: see kernel.unprivileged_userns_clone, "
                + "kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces"
        case (.execute, .permissionDenied):
            text += "; inside the jail it runs as a user of its own, so it must be executable by everybody"
        default: break
        }
        return text
    }
}
