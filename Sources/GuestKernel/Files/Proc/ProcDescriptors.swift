/// /proc/PID/fd: a link for each descriptor; /proc/PID/fdinfo: a text for each.
final class ProcDescriptors: ProcDirectory {
    private let system: Superblock
    private let process: Process
    private let isInformation: Bool

    init(_ system: Superblock, _ process: Process, number: UInt64, isInformation: Bool) {
        self.system = system
        self.process = process
        self.isInformation = isInformation
        super.init(
            system, number: number, .directory,
            Ownership(
                permissions: isInformation ? 0o555 : 0o500, user: process.credentials.effectiveUser,
                group: process.credentials.effectiveGroup))
    }

    override func make(_ name: ArraySlice<UInt8>) throws(Errno) -> ProcInode? {
        guard let number = name.decimal, number <= UInt64(Int32.max),
            let file = try? process.files.file(Int32(number))
        else { return nil }
        let inodeNumber = ProcProcess.number(process.id, (isInformation ? 1 << 23 : 1 << 16) + number)
        if isInformation {
            let owner = Ownership(permissions: 0o444, user: owner.user, group: owner.group)
            return ProcText(system, number: inodeNumber, owner) { () throws(Errno) -> [UInt8] in
                var text = Text("pos:\t")
                text.add(file.position)
                text.add("\nflags:\t0")
                text.add(octal: UInt64(file.flags))
                text.add("\nmnt_id:\t1\n")
                return text.bytes
            }
        }
        let permissions: UInt32 = (file.isReadable ? 0o500 : 0) | (file.isWritable ? 0o300 : 0)
        return ProcLink(
            system, number: inodeNumber,
            Ownership(permissions: permissions, user: owner.user, group: owner.group),
            target: { () throws(Errno) -> LinkTarget in
                if let inode = file.inode { return .inode(inode) }
                return .file(file)
            },
            { (context) throws(Errno) -> [UInt8] in
                guard let inode = file.inode, inode.superblock != nil else { return file.describe() }
                return pathText(inode, context)
            })
    }

    override func forEachNumber(from first: UInt64, _ body: (UInt64) -> Bool) {
        var i = Int(min(first, 1 << 30))
        while i < process.files.entries.count {
            if process.files.entries[i] != nil, !body(UInt64(i)) { return }
            i += 1
        }
    }
}
