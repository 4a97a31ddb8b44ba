/// The stack a program starts with (System V ABI, AMD64, §3.4.1): from the stack pointer up argc, argv, NULL, environment,
/// NULL, the auxiliary vector, and above them what they point at.
struct InitialStack {
    /// Linux's limit on arguments and environment together, and on one string.
    static let maximumArgumentBytes = 2 << 20
    static let maximumStringBytes = 128 << 10
    static let maximumBytes: UInt64 = 64 << 20

    let space: AddressSpace
    let top: UInt64
    let isExecutable: Bool
    /// Entries of the auxiliary vector that depend on the program; getauxval(3).
    var auxiliary: [(kind: UInt64, value: UInt64)] = []
    /// AT_SECURE: the program has rights that its caller may not have.
    var isSecure = false

    init(space: AddressSpace, top: UInt64, isExecutable: Bool) {
        self.space = space
        self.top = top
        self.isExecutable = isExecutable
    }

    /// - Returns: the initial stack pointer, 16-byte aligned.
    /// - Throws: `.argumentListTooLong`, `.noMemory`.
    mutating func build(
        arguments: [[UInt8]], environment: [[UInt8]], path: [UInt8], credentials: Credentials
    ) throws(Errno) -> UInt64 {
        var bytes = 0
        for string in arguments {
            guard string.count < Self.maximumStringBytes else { throw .argumentListTooLong }
            bytes += string.count + 9
        }
        for string in environment {
            guard string.count < Self.maximumStringBytes else { throw .argumentListTooLong }
            bytes += string.count + 9
        }
        guard bytes <= Self.maximumArgumentBytes else { throw .argumentListTooLong }

        let strings = Strings(arguments, environment, path)
        let stringsStart = (top - UInt64(strings.bytes.count)) & ~15
        let tableBytes = UInt64((arguments.count + environment.count + 3 + 2 * (auxiliary.count + 16)) * 8)
        let stackPointer = (stringsStart - tableBytes) & ~15
        let roundedTop = (top + pageSize - 1) & ~(pageSize - 1)
        let initialPages: UInt64 = 32 * pageSize
        let start = (stackPointer & ~(pageSize - 1)) - initialPages
        // A fixed-address program may want to lie here.
        guard space.isFree(start, roundedTop) else { throw .noMemory }
        space.insert(
            MemoryArea(
                start: start, end: roundedTop,
                access: isExecutable ? [.read, .write, .execute] : [.read, .write],
                isShared: false, growsDown: true, backing: .anonymous))

        let table = words(strings, at: stringsStart, credentials)
        try space.write(strings.bytes, to: stringsStart)
        try table.withWords { (bytes) throws(Errno) in try space.write(bytes, to: stackPointer) }
        space.argumentRange =
            stringsStart + UInt64(strings.argumentOffsets.first ?? 0)..<stringsStart
            + UInt64(strings.argumentsEnd)
        space.environmentRange =
            stringsStart + UInt64(strings.argumentsEnd)..<stringsStart + UInt64(strings.environmentEnd)
        let aboveEnvironment = strings.argumentOffsets.count + strings.environmentOffsets.count + 3
        space.auxiliaryRange =
            stackPointer + UInt64(aboveEnvironment * 8)..<stackPointer + UInt64(table.count * 8)
        return stackPointer
    }

    private func words(_ strings: Strings, at base: UInt64, _ credentials: Credentials) -> WordList {
        var list = WordList()
        list.add(UInt64(strings.argumentOffsets.count))
        for offset in strings.argumentOffsets { list.add(base + UInt64(offset)) }
        list.add(0)
        for offset in strings.environmentOffsets { list.add(base + UInt64(offset)) }
        list.add(0)
        for (kind, value) in auxiliary { list.add(kind, value) }
        list.add(6, pageSize)
        list.add(8, 0)  // AT_FLAGS
        list.add(11, UInt64(credentials.user))
        list.add(12, UInt64(credentials.effectiveUser))
        list.add(13, UInt64(credentials.group))
        list.add(14, UInt64(credentials.effectiveGroup))
        list.add(15, base + UInt64(strings.platformOffset))
        list.add(16, UInt64(ProcessorFeatures.leaf1EDX))  // AT_HWCAP
        list.add(17, 100)  // AT_CLKTCK
        list.add(23, isSecure ? 1 : 0)  // AT_SECURE
        list.add(25, base + UInt64(strings.randomOffset))
        list.add(26, 2)  // AT_HWCAP2: FSGSBASE
        list.add(31, base + UInt64(strings.pathOffset))
        list.add(51, UInt64(VectorState.bytes + 1024))  // AT_MINSIGSTKSZ
        list.add(0, 0)
        return list
    }
}

/// All that the stack's tables point at, in one block.
private struct Strings {
    private(set) var bytes: [UInt8] = []
    private(set) var argumentOffsets: [Int] = []
    private(set) var environmentOffsets: [Int] = []
    private(set) var argumentsEnd = 0
    private(set) var environmentEnd = 0
    private(set) var pathOffset = 0
    private(set) var platformOffset = 0
    private(set) var randomOffset = 0

    init(_ arguments: [[UInt8]], _ environment: [[UInt8]], _ path: [UInt8]) {
        randomOffset = 0
        var random: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &random) { raw in
            Random.fill(raw)
            bytes.append(contentsOf: raw)
        }
        platformOffset = add(Array("x86_64".utf8))
        for string in arguments { argumentOffsets.append(add(string)) }
        argumentsEnd = bytes.count
        if argumentOffsets.isEmpty { argumentOffsets.append(add([])) }  // argv[0] exists since Linux 5.18
        for string in environment { environmentOffsets.append(add(string)) }
        environmentEnd = bytes.count
        pathOffset = add(path)
    }

    private mutating func add(_ string: [UInt8]) -> Int {
        let offset = bytes.count
        bytes.append(contentsOf: string)
        bytes.append(0)
        return offset
    }
}

private struct WordList {
    private var words: [UInt64] = []
    var count: Int { words.count }

    mutating func add(_ word: UInt64) { words.append(word) }
    mutating func add(_ kind: UInt64, _ value: UInt64) {
        words.append(kind)
        words.append(value)
    }

    func withWords(_ body: (UnsafeRawBufferPointer) throws(Errno) -> Void) throws(Errno) {
        var failure: Errno?
        words.withUnsafeBytes { raw in
            do throws(Errno) { try body(raw) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
