import JobWire
import LinuxSystem
import SystemPackage

/// What is to be sent for a job's input files: every directory, file and link below them, named before the launch so that
/// a mistake costs no VM. Contents are read when their turn comes.
struct InputPlan {
    enum Entry: Equatable {
        case directory(mode: UInt32, guestPath: [UInt8])
        case file(hostPath: [UInt8], guestPath: [UInt8])
        case symlink(target: [UInt8], guestPath: [UInt8])
    }

    private(set) var entries: [Entry] = []

    init(_ inputs: [JobRequest.InputFile]) throws(LaunchError) {
        for input in inputs {
            // What the user named is followed, as by `cp file`; links inside a directory stay links, as by `cp -a`.
            try add(input.hostPath, as: input.guestPath, followingLinks: true)
        }
    }

    private mutating func add(
        _ hostPath: [UInt8], as guestPath: [UInt8], followingLinks: Bool
    ) throws(LaunchError) {
        guard guestPath.count <= WireLimit.path else { throw .pathTooLong(guestPath) }
        do throws(Errno) {
            let status = try PathStatus(of: hostPath, followingLinks: followingLinks)
            if status.isSymbolicLink {
                entries.append(.symlink(target: try readLink(hostPath), guestPath: guestPath))
                return
            }
            if status.kind == .regular {
                entries.append(.file(hostPath: hostPath, guestPath: guestPath))
                return
            }
            if status.kind == .directory {
                entries.append(.directory(mode: status.mode, guestPath: guestPath))
            }
        } catch {
            throw .input(path: hostPath, errno: error)
        }
        try addDirectory(hostPath, as: guestPath)
    }

    private mutating func addDirectory(_ hostPath: [UInt8], as guestPath: [UInt8]) throws(LaunchError) {
        let names: [[UInt8]]
        do throws(Errno) {
            names = try listDirectory(hostPath)
        } catch {
            if error == .notDirectory {
                throw .unsupportedInput(path: hostPath, kind: "device, pipe or socket")
            }
            throw .input(path: hostPath, errno: error)
        }
        for name in names {
            let below = [UInt8(ascii: "/")] + name
            try add(hostPath + below, as: guestPath + below, followingLinks: false)
        }
    }
}
