/// /proc/sysvipc: a line for each object of System V, as ipcs(1) reads them.
enum ProcSystemV {
    static func make(_ system: Superblock) -> ProcInode {
        var tree = ProcTree(system, from: 400)
        return tree.directory([
            ("msg", tree.text { SystemVMessageQueue.list() }), ("sem", tree.text { SemaphoreSet.list() }),
            ("shm", tree.text { SharedSegment.list() }),
        ])
    }
}

extension IPCObject {
    /// Key, identifier, mode: every line's beginning.
    fileprivate func addBeginning(to text: inout Text) {
        text.add(Int64(key), width: 10)
        text.add(" ")
        text.add(Int64(id), width: 10)
        text.add("  ")
        text.add(UInt64(mode), base: 8, width: 4)
    }

    fileprivate func addOwners(to text: inout Text) {
        text.add(
            columns: [owner.user, owner.group, creator.user, creator.group].map { UInt64($0) }, width: 5)
    }
}

extension Text {
    fileprivate mutating func add(columns values: [UInt64], width: Int) {
        for value in values {
            add(" ")
            add(value, width: width)
        }
    }

    fileprivate mutating func add(_ value: Int64, width: Int) {
        var digits = Text()
        digits.add(value)
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(0, width - digits.bytes.count)))
        add(digits.bytes)
    }
}

private let second: UInt64 = 1_000_000_000

extension SystemVMessageQueue {
    static func list() -> [UInt8] {
        var text = Text(
            "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid")
        text.add("      stime      rtime      ctime\n")
        table.forEach { queue in
            queue.addBeginning(to: &text)
            text.add(" ")
            text.add(columns: [queue.bytesQueued, UInt64(queue.messages.count)], width: 10)
            text.add(columns: [queue.lastSender, queue.lastReceiver].map { UInt64($0.magnitude) }, width: 5)
            queue.addOwners(to: &text)
            let times = [queue.sendTime, queue.receiveTime, queue.changeTime]
            text.add(columns: times.map { $0 / second }, width: 10)
            text.add("\n")
        }
        return text.bytes
    }
}

extension SemaphoreSet {
    static func list() -> [UInt8] {
        var text = Text(
            "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n")
        table.forEach { set in
            set.addBeginning(to: &text)
            text.add(columns: [UInt64(set.semaphores.count)], width: 10)
            set.addOwners(to: &text)
            text.add(columns: [set.operationTime, set.changeTime].map { $0 / second }, width: 10)
            text.add("\n")
        }
        return text.bytes
    }
}

extension SharedSegment {
    static func list() -> [UInt8] {
        var text = Text(
            "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid")
        text.add("      atime      dtime      ctime                   rss                  swap\n")
        table.forEach { segment in
            segment.addBeginning(to: &text)
            text.add(columns: [segment.bytes], width: 21)
            let processes = [segment.creatorProcess, segment.lastProcess]
            text.add(columns: processes.map { UInt64($0.magnitude) }, width: 5)
            text.add(" ")
            text.add(columns: [segment.attachments], width: 5)
            segment.addOwners(to: &text)
            let times = [segment.attachTime, segment.detachTime, segment.changeTime]
            text.add(columns: times.map { $0 / second }, width: 10)
            text.add(columns: [segment.pages.residentBytes, 0], width: 21)
            text.add("\n")
        }
        return text.bytes
    }
}
