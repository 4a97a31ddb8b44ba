/// A vector of strings as execve(2) takes it: pointers to text with NULs, and a null pointer behind the last.
final class StringVector {
    private let text: UnsafeMutablePointer<UInt8>
    private let pointers: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>

    init(_ strings: [[UInt8]]) {
        text = .allocate(capacity: strings.reduce(1) { $0 + $1.count + 1 })
        pointers = .allocate(capacity: strings.count + 1)
        var end = text
        for (index, string) in strings.enumerated() {
            pointers[index] = end
            for byte in string {
                end.pointee = byte
                end += 1
            }
            end.pointee = 0
            end += 1
        }
        pointers[strings.count] = nil
    }

    deinit {
        text.deallocate()
        pointers.deallocate()
    }

    var argument: Int { Int(bitPattern: pointers) }
}
