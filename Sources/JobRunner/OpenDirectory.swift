import Glibc
import LinuxSystem
import SystemPackage

/// A place in a tree: its root, and the directory where the last step was. The next is mostly in it or a step further, so a
/// tree a thousand levels deep is walked by a thousand steps and not by a thousand paths from its root.
struct OpenDirectory: ~Copyable {
    private let root: OwnedDescriptor
    private var here: OwnedDescriptor?
    private var path: [UInt8] = []

    init(root: consuming OwnedDescriptor) { self.root = root }

    /// Of the directory of the last `move`; first, of the root.
    var descriptor: FileDescriptor {
        switch here {
        case .some(let open): open.borrowed
        case .none: root.borrowed
        }
    }

    /// Opens the directory at `target`, below the root; empty: the root. By no link, as `open(_:beneath:flags:)` does.
    mutating func move(to target: [UInt8]) throws(Errno) {
        if target == path { return }
        if target.isEmpty {
            here = nil
        } else if here != nil, target.count > path.count + 1, target.starts(with: path),
            target[path.count] == UInt8(ascii: "/")
        {
            here = .some(try Self.open(Array(target[(path.count + 1)...]), beneath: descriptor))
        } else {
            here = .some(try Self.open(target, beneath: root.borrowed))
        }
        path = target
    }

    private static func open(
        _ path: [UInt8], beneath directory: FileDescriptor
    ) throws(Errno) -> OwnedDescriptor {
        try OwnedDescriptor.open(path, beneath: directory, flags: O_RDONLY | O_DIRECTORY)
    }
}
