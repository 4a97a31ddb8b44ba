/// Looks for the words of a Linux's panic in what the guest's console says, and for those that led to it. The guest may say
/// them without one: they only give the end of a machine that has failed anyway its name.
struct PanicWatch {
    /// The rest of the line behind "Kernel panic - not syncing: ", with the fault that the kernel told of last and where it
    /// was, if it told: `Fatal exception (BUG: kernel NULL pointer dereference, address: 0; RIP: 0010:f+0x4/0x10)`.
    private(set) var message: [UInt8]?
    private var fault: [UInt8]?
    private var place: [UInt8]?
    private var line: [UInt8] = []

    /// Longer ones are looked at as far as this.
    private static let longestLine = 512
    private static let words = Array("Kernel panic - not syncing: ".utf8)
    private static let faults = ["BUG: ", "kernel BUG at ", "general protection fault"].map { Array($0.utf8) }
    /// The selector is the kernel's: with it only the kernel's own place counts, not where its program was.
    private static let register = Array("RIP: 0010:".utf8)

    mutating func look(at text: [UInt8]) {
        for byte in text {
            if byte == 0x0A {
                endLine()
            } else if line.count < Self.longestLine {
                line.append(byte)
            }
        }
    }

    /// No more comes: an unfinished line counts.
    mutating func endLine() {
        defer { line = [] }
        guard message == nil else { return }
        if let start = Self.start(of: Self.words, in: line) {
            let causes = [fault, place].compactMap { $0 }
            var told = Self.told(line[(start + Self.words.count)...])
            if !causes.isEmpty {
                told += Array(" (".utf8) + causes.joined(separator: Array("; ".utf8)) + Array(")".utf8)
            }
            message = told
        } else if let start = Self.start(of: Self.register, in: line) {
            place = place ?? Self.told(line[start...])
        } else if let start = Self.faults.compactMap({ Self.start(of: $0, in: line) }).first {
            (fault, place) = (Self.told(line[start...]), nil)
        }
    }

    private static func told(_ part: ArraySlice<UInt8>) -> [UInt8] { part.filter { $0 != 0x0D } }

    private static func start(of words: [UInt8], in line: [UInt8]) -> Int? {
        guard line.count >= words.count else { return nil }
        return (0...line.count - words.count).first { line[$0..<($0 + words.count)].elementsEqual(words) }
    }
}
