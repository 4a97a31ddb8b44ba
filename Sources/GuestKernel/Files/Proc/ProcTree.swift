/// Puts together directories of /proc and /sys whose contents are known beforehand.
struct ProcTree {
    typealias Entry = (name: StaticString, inode: ProcInode)

    private let system: Superblock
    private var number: UInt64

    /// - Parameter first: the number of the first inode; those after it count up.
    init(_ system: Superblock, from first: UInt64) {
        self.system = system
        number = first
    }

    private mutating func next() -> UInt64 {
        defer { number += 1 }
        return number
    }

    /// A file whose text is made at each opening.
    mutating func text(
        permissions: UInt32 = 0o444, change: ((ArraySlice<UInt8>) throws(Errno) -> Void)? = nil,
        _ make: @escaping () -> [UInt8]
    ) -> ProcInode {
        let owner = Ownership(permissions: change == nil ? permissions : 0o644, user: 0, group: 0)
        return ProcText(system, number: next(), owner, change: change) {
            () throws(Errno) -> [UInt8] in make()
        }
    }

    mutating func text(_ text: StaticString) -> ProcInode { self.text { Text.bytes(text) } }

    /// A decimal number and a newline.
    mutating func number(_ make: @escaping () -> UInt64) -> ProcInode {
        text {
            var text = Text()
            text.add(make())
            text.add("\n")
            return text.bytes
        }
    }

    mutating func number(_ value: UInt64) -> ProcInode { number { value } }

    mutating func directory(_ entries: [Entry]) -> ProcInode {
        ProcFixedDirectory(system, number: next(), entries)
    }

    mutating func link(_ target: StaticString) -> ProcInode {
        ProcLink(system, number: next(), Ownership(permissions: 0o777, user: 0, group: 0)) {
            (_) throws(Errno) -> [UInt8] in Text.bytes(target)
        }
    }
}
