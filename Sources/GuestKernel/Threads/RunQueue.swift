/// Runnable threads, who has had least of the processor first; among equals who came first. A binary heap: taking one of
/// n costs log n.
struct RunQueue {
    private struct Entry {
        let time: UInt64
        let arrival: UInt64
        let thread: Thread

        func isBefore(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : arrival < other.arrival
        }
    }

    private var heap: [Entry] = []
    private var arrivals: UInt64 = 0

    var count: Int { heap.count }
    var isEmpty: Bool { heap.isEmpty }
    /// The virtual time of who is next.
    var firstTime: UInt64? { heap.first?.time }
    /// And of who is last; looks at all.
    var lastTime: UInt64? {
        var last: UInt64?
        for entry in heap { last = max(last ?? 0, entry.time) }
        return last
    }

    mutating func add(_ thread: Thread) {
        arrivals &+= 1
        heap.append(Entry(time: thread.virtualTime, arrival: arrivals, thread: thread))
        rise(from: heap.count - 1)
    }

    mutating func takeFirst() -> Thread? { heap.isEmpty ? nil : take(at: 0) }

    /// The first of the kernel's own threads; looks at all.
    mutating func takeFirstKernelThread() -> Thread? {
        var found: Int?
        for i in heap.indices where heap[i].thread.process.id == 0 {
            if let best = found, !heap[i].isBefore(heap[best]) { continue }
            found = i
        }
        return found.map { take(at: $0) }
    }

    private mutating func take(at index: Int) -> Thread {
        let thread = heap[index].thread
        let last = heap.count - 1
        if index != last { heap.swapAt(index, last) }
        heap.removeLast()
        if index < last {
            sink(from: index)
            rise(from: index)
        }
        return thread
    }

    private mutating func rise(from index: Int) {
        var index = index
        while index > 0, heap[index].isBefore(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func sink(from index: Int) {
        var index = index
        while true {
            var least = index
            for child in 2 * index + 1...2 * index + 2 where child < heap.count {
                if heap[child].isBefore(heap[least]) { least = child }
            }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
