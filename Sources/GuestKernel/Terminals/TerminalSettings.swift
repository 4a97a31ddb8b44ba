/// What a terminal does with its bytes: `struct termios` of the kernel's own ABI (termios(3)), which both ends of a
/// pseudo-terminal see and set.
struct TerminalSettings {
    /// c_iflag.
    struct Input: OptionSet {
        let rawValue: UInt32
        static let parityMark = Input(rawValue: 0o10)  // PARMRK
        static let strip = Input(rawValue: 0o40)  // ISTRIP
        static let newlineToReturn = Input(rawValue: 0o100)  // INLCR
        static let ignoreReturn = Input(rawValue: 0o200)  // IGNCR
        static let returnToNewline = Input(rawValue: 0o400)  // ICRNL
        static let toLowerCase = Input(rawValue: 0o1000)  // IUCLC
        static let flowControl = Input(rawValue: 0o2000)  // IXON
        static let anyRestarts = Input(rawValue: 0o4000)  // IXANY
        static let bell = Input(rawValue: 0o20000)  // IMAXBEL
        static let utf8 = Input(rawValue: 0o40000)  // IUTF8
    }

    /// c_oflag.
    struct Output: OptionSet {
        let rawValue: UInt32
        static let process = Output(rawValue: 0o1)  // OPOST
        static let toUpperCase = Output(rawValue: 0o2)  // OLCUC
        static let newlineToBoth = Output(rawValue: 0o4)  // ONLCR
        static let returnToNewline = Output(rawValue: 0o10)  // OCRNL
        static let noReturnAtStart = Output(rawValue: 0o20)  // ONOCR
        static let newlineReturns = Output(rawValue: 0o40)  // ONLRET
        static let expandTabs = Output(rawValue: 0o14000)  // XTABS: all of TABDLY
    }

    /// c_lflag.
    struct Local: OptionSet {
        let rawValue: UInt32
        static let signals = Local(rawValue: 0o1)  // ISIG
        static let canonical = Local(rawValue: 0o2)  // ICANON
        static let echo = Local(rawValue: 0o10)  // ECHO
        static let echoErase = Local(rawValue: 0o20)  // ECHOE
        static let echoKill = Local(rawValue: 0o40)  // ECHOK
        static let echoNewline = Local(rawValue: 0o100)  // ECHONL
        static let noFlush = Local(rawValue: 0o200)  // NOFLSH
        static let stopsBackgroundOutput = Local(rawValue: 0o400)  // TOSTOP
        static let echoControl = Local(rawValue: 0o1000)  // ECHOCTL
        static let echoKillErases = Local(rawValue: 0o4000)  // ECHOKE
        static let extended = Local(rawValue: 0o100000)  // IEXTEN
    }

    /// Indices of c_cc.
    enum Character: Int {
        case interrupt = 0
        case quit, erase, kill, endOfFile, time, minimum, swap, start, stop, suspend, endOfLine
        case reprint, discard, wordErase, literalNext, endOfLine2
    }

    static let characterCount = 19
    /// Bytes of struct termios and struct termios2, which has the two speeds at its end.
    static let bytes = 36
    static let bytesWithSpeeds = 44
    /// CSIZE and PARENB, which a pseudo-terminal cannot have, and CS8 and CREAD, which it always has.
    private static let controlNever: UInt32 = 0o460
    private static let controlAlways: UInt32 = 0o260

    var input: Input = [.returnToNewline, .flowControl]
    var output: Output = [.process, .newlineToBoth]
    var control: UInt32 = 0o277  // B38400, CS8, CREAD
    var local: Local = [
        .signals, .canonical, .echo, .echoErase, .echoKill, .echoControl, .echoKillErases, .extended,
    ]
    var discipline: UInt8 = 0
    var characters: [UInt8] = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0]
    var inputSpeed: UInt32 = 38400
    var outputSpeed: UInt32 = 38400

    var isCanonical: Bool { local.contains(.canonical) }

    subscript(character: Character) -> UInt8 { characters[character.rawValue] }

    /// Whether `byte` has a meaning; NUL in c_cc means that there is no such character.
    func means(_ byte: UInt8, _ character: Character) -> Bool {
        byte != 0 && characters[character.rawValue] == byte
    }

    // MARK: In a program's memory

    func encoded(withSpeeds: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.bytesWithSpeeds)
        func add(_ word: UInt32) {
            for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(shift * 8))) }
        }
        for word in [input.rawValue, output.rawValue, control, local.rawValue] { add(word) }
        bytes.append(discipline)
        bytes.append(contentsOf: characters)
        if withSpeeds {
            add(inputSpeed)
            add(outputSpeed)
        }
        return bytes
    }

    /// Takes over what a program wrote: 36 bytes, or 44 with the speeds.
    mutating func decode(_ bytes: [UInt8]) {
        func word(_ at: Int) -> UInt32 {
            var value: UInt32 = 0
            for i in 0..<4 { value |= UInt32(bytes[at + i]) << UInt32(i * 8) }
            return value
        }
        input = Input(rawValue: word(0))
        output = Output(rawValue: word(4))
        control = word(8) & ~Self.controlNever | Self.controlAlways
        local = Local(rawValue: word(12))
        discipline = bytes[16]
        characters = Array(bytes[17..<(17 + Self.characterCount)])
        if bytes.count >= Self.bytesWithSpeeds {
            inputSpeed = word(36)
            outputSpeed = word(40)
        }
    }

    // MARK: struct termio, System V's: 16-bit flags and eight characters

    static let oldBytes = 18

    func encodedOld() -> [UInt8] {
        var bytes: [UInt8] = []
        for word in [input.rawValue, output.rawValue, control, local.rawValue] {
            bytes.append(UInt8(truncatingIfNeeded: word))
            bytes.append(UInt8(truncatingIfNeeded: word >> 8))
        }
        bytes.append(discipline)
        bytes.append(contentsOf: characters[0..<8])
        bytes.append(0)
        return bytes
    }

    mutating func decodeOld(_ bytes: [UInt8]) {
        func half(_ at: Int, _ old: UInt32) -> UInt32 {
            old & 0xFFFF_0000 | UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8
        }
        input = Input(rawValue: half(0, input.rawValue))
        output = Output(rawValue: half(2, output.rawValue))
        control = half(4, control) & ~Self.controlNever | Self.controlAlways
        local = Local(rawValue: half(6, local.rawValue))
        discipline = bytes[8]
        for i in 0..<8 { characters[i] = bytes[9 + i] }
    }
}

/// struct winsize: what the terminal's window shows, in characters and in pixels.
struct WindowSize: Equatable {
    var rows: UInt16 = 0
    var columns: UInt16 = 0
    var width: UInt16 = 0
    var height: UInt16 = 0
}
