/// Looks for the words of a Linux's panic in what the guest's console says. The guest may say them without one: they
/// only give the end of a machine that has failed anyway its name.
struct PanicWatch {
    /// The rest of the line behind "Kernel panic - not syncing: ".
    private(set) var message: [UInt8]?
    private var line: [UInt8] = []

    /// Longer ones are looked at as far as this.
    private static let longestLine = 512
    private static let words = Array("Kernel panic - not syncing: ".utf8)

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
        guard message == nil, let end = Self.end(of: Self.words, in: line) else { return }
        message = line[end...].filter { $0 != 0x0D }
    }

    private static func end(of words: [UInt8], in line: [UInt8]) -> Int? {
        guard line.count >= words.count else { return nil }
        return (words.count...line.count).first { line[($0 - words.count)..<$0].elementsEqual(words) }
    }
}
