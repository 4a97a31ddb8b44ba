import LinuxSystem
import SystemPackage
import VirtioDevices

/// Why the arguments were refused. One sentence each, naming the option.
public enum ArgumentError: Error, Equatable, CustomStringConvertible {
    case unknown(String)
    case missingValue(String)
    case missing(String)
    case twice(String)
    case badNumber(option: String, value: String)
    case notOpen(option: String, descriptor: CInt)
    case outOfRange(option: String, value: String, allowed: String)
    case badChoice(option: String, value: String, allowed: String)
    case needs(option: String, other: String)

    public var description: String {
        switch self {
        case .unknown(let option): "unknown option \(option)"
        case .missingValue(let option): "\(option) needs a value"
        case .missing(let option): "\(option) is required"
        case .twice(let option): "\(option) was given twice"
        case .badNumber(let option, let value): "\(option): '\(value)' is not a number"
        case .notOpen(let option, let descriptor): "\(option): descriptor \(descriptor) is not open"
        case .outOfRange(let option, let value, let allowed):
            "\(option): \(value) is out of range (\(allowed))"
        case .badChoice(let option, let value, let allowed): "\(option): '\(value)' is not one of \(allowed)"
        case .needs(let option, let other): "\(option) needs \(other)"
        }
    }
}

extension MachineConfiguration {
    public static let usage = """
        usage: swiftlet-vmm --kvm FD --kernel FD --memory BYTES --events FD
                 [--initramfs FD]... [--command-line TEXT] [--cpus N]
                 [--root FD] [--root-transport pmem|block] [--root-rates RATES]
                 [--disk FD[,ro][,RATES]]...
                 [--stream PORT=FD[,limit=BYTES][,bps=N]]... [--vsock-listen FD] [--vsock-directory FD]
                 [--save FD | --restore FD] [--log-limit BYTES] [--cid N] [--nonce HEX] [--debug-log]
                 [--unconfined]
        RATES: read-bps=N, write-bps=N, read-iops=N, write-iops=N, separated by commas.
        Runs one virtual machine from open descriptors; `swiftlet` starts it. --debug-log copies the guest's log to
        standard error and makes --events optional. --unconfined runs WITHOUT the jail, for debugging only.

        """

    /// Parses the arguments behind the program's name. Every descriptor named must be open; what kind of file it is,
    /// its user finds out.
    public init(parsing arguments: [String]) throws(ArgumentError) {
        var parser = ArgumentParser(arguments)
        var kvm: FileDescriptor?
        var kernel: FileDescriptor?
        var memory: UInt64?
        self.init(kvm: .standardInput, kernel: .standardInput, memoryBytes: 0)
        while let option = parser.nextOption() {
            switch option {
            case "--kvm": kvm = try parser.descriptor(once: option)
            case "--kernel": kernel = try parser.descriptor(once: option)
            case "--initramfs": try initramfs.append(parser.initramfs(count: initramfs.count))
            case "--command-line": commandLine = try parser.text(once: option)
            case "--cpus":
                processors = Int(try parser.number(once: option, 1...Self.maximumProcessors))
            case "--memory": memory = try parser.number(once: option, 0...(.max))
            case "--events": events = try parser.descriptor(once: option)
            case "--root": root = try parser.descriptor(once: option)
            case "--root-transport": rootTransport = try parser.choice(once: option)
            case "--root-rates": rootRates = try parser.rates(once: option)
            case "--disk": try disks.append(parser.disk(count: disks.count))
            case "--stream": try streams.append(parser.stream(after: streams))
            case "--vsock-listen": vsockListen = try parser.descriptor(once: option)
            case "--vsock-directory": vsockDirectory = try parser.descriptor(once: option)
            case "--save": memorySource = .saved(try parser.descriptor(onceOf: "--save or --restore"))
            case "--restore": memorySource = .restored(try parser.descriptor(onceOf: "--save or --restore"))
            case "--log-limit":
                logLimit = Int(try parser.number(once: option, 0...UInt64(Self.maximumLogLimit)))
            case "--cid": guestCID = try parser.number(once: option, 3...0xFFFF_FFFE)
            case "--nonce": nonce = try parser.bytes(once: option, count: 16)
            case "--debug-log": try parser.flag(once: option, &hasDebugLog)
            case "--unconfined": try parser.flag(once: option, &isUnconfined)
            default: throw .unknown(option)
            }
        }
        guard let kvm else { throw .missing("--kvm") }
        guard let kernel else { throw .missing("--kernel") }
        guard let memory else { throw .missing("--memory") }
        if events == nil && !hasDebugLog { throw .missing("--events") }
        if !rootRates.isUnlimited, rootTransport != .block || root == nil {
            throw .needs(option: "--root-rates", other: "--root with --root-transport block")
        }
        if memorySource != .fresh, !disks.isEmpty {
            throw .needs(option: "--save or --restore", other: "a machine without disks")
        }
        self.kvm = kvm
        self.kernel = kernel
        memoryBytes = memory
    }
}

/// Takes the arguments one by one. Options that may come once only are remembered.
private struct ArgumentParser {
    private var rest: ArraySlice<String>
    private var seen: [String] = []
    private var option = ""

    init(_ arguments: [String]) { rest = arguments[...] }

    mutating func nextOption() -> String? {
        guard let next = rest.popFirst() else { return nil }
        option = next
        return next
    }

    private mutating func value() throws(ArgumentError) -> String {
        guard let value = rest.popFirst() else { throw .missingValue(option) }
        return value
    }

    private mutating func once(_ option: String) throws(ArgumentError) {
        if seen.contains(option) { throw .twice(option) }
        seen.append(option)
    }

    /// Hexadecimal, two digits a byte.
    mutating func bytes(once option: String, count: Int) throws(ArgumentError) -> [UInt8] {
        try once(option)
        let text = try value()
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard text.utf8.count == 2 * count, digits.count == 2 * count else {
            throw .badNumber(option: option, value: text)
        }
        return (0..<count).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) }
    }

    mutating func flag(once option: String, _ flag: inout Bool) throws(ArgumentError) {
        try once(option)
        flag = true
    }

    mutating func descriptor(once option: String) throws(ArgumentError) -> FileDescriptor {
        try once(option)
        return try descriptor(value()[...])
    }

    /// The descriptor of an option that excludes others: `group` names them all.
    mutating func descriptor(onceOf group: String) throws(ArgumentError) -> FileDescriptor {
        try once(group)
        return try descriptor(value()[...])
    }

    mutating func number(
        once option: String, _ range: ClosedRange<UInt64>
    ) throws(ArgumentError) -> UInt64 {
        try once(option)
        return try number(value()[...], range)
    }

    mutating func choice(once option: String) throws(ArgumentError) -> MachineConfiguration.RootTransport {
        try once(option)
        let value = try value()
        guard let choice = MachineConfiguration.RootTransport(rawValue: value) else {
            throw .badChoice(option: option, value: value, allowed: "pmem, block")
        }
        return choice
    }

    mutating func initramfs(count: Int) throws(ArgumentError) -> FileDescriptor {
        let value = try value()
        guard count < MachineConfiguration.maximumInitramfs else {
            throw .outOfRange(
                option: option, value: "archive \(count + 1)",
                allowed: "\(MachineConfiguration.maximumInitramfs) archives")
        }
        return try descriptor(value[...])
    }

    mutating func text(once option: String) throws(ArgumentError) -> String {
        try once(option)
        return try value()
    }

    /// `FD` or `FD,ro`.
    mutating func disk(count: Int) throws(ArgumentError) -> MachineConfiguration.Disk {
        let value = try value()
        guard count < MachineConfiguration.maximumDisks else {
            throw .outOfRange(
                option: option, value: "disk \(count + 1)",
                allowed: "\(MachineConfiguration.maximumDisks) disks")
        }
        var words = value.split(separator: ",", omittingEmptySubsequences: false)[...]
        let file = try descriptor(words.removeFirst())
        let isReadOnly = words.first == "ro"
        if isReadOnly { words.removeFirst() }
        return .init(file: file, isReadOnly: isReadOnly, rates: try rates(words))
    }

    mutating func rates(once option: String) throws(ArgumentError) -> BlockRates {
        try once(option)
        return try rates(value().split(separator: ",", omittingEmptySubsequences: false)[...])
    }

    /// `NAME=N` each, each name once at the most.
    private func rates(_ words: ArraySlice<Substring>) throws(ArgumentError) -> BlockRates {
        let names: [(String, WritableKeyPath<BlockRates, UInt64?>)] = [
            ("read-bps", \.readBytes), ("write-bps", \.writeBytes), ("read-iops", \.readOperations),
            ("write-iops", \.writeOperations),
        ]
        var rates = BlockRates()
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = names.first(where: { $0.0 == parts[0] }) else {
                let allowed = ["ro"] + names.map { "\($0.0)=N" }
                throw .badChoice(
                    option: option, value: String(word), allowed: allowed.joined(separator: ", "))
            }
            if rates[keyPath: name.1] != nil { throw .twice("\(option) \(name.0)") }
            rates[keyPath: name.1] = try number(parts[1], 1...(.max))
        }
        return rates
    }

    /// `PORT=FD`, then `,limit=BYTES`, then `,bps=N`.
    mutating func stream(
        after streams: [MachineConfiguration.Stream]
    ) throws(ArgumentError) -> MachineConfiguration.Stream {
        let value = try value()
        guard streams.count < MachineConfiguration.maximumStreams else {
            throw .outOfRange(
                option: option, value: value, allowed: "\(MachineConfiguration.maximumStreams) streams")
        }
        let sides = value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2 else { throw .badChoice(option: option, value: value, allowed: "PORT=FD") }
        let port = UInt32(try number(sides[0], 0...0xFFFF_FFFE))
        if streams.contains(where: { $0.port == port }) { throw .twice("\(option) \(port)") }
        var words = sides[1].split(separator: ",", omittingEmptySubsequences: false)[...]
        let file = try descriptor(words.removeFirst())
        var limit: UInt64?
        var rate: UInt64?
        if let word = words.first, word.hasPrefix("limit=") {
            limit = try number(word.dropFirst(6), 0...(.max))
            words.removeFirst()
        }
        if let word = words.first, word.hasPrefix("bps=") {
            rate = try number(word.dropFirst(4), 1...(.max))
            words.removeFirst()
        }
        if let word = words.first {
            throw .badChoice(option: option, value: String(word), allowed: "limit=BYTES, bps=N")
        }
        return .init(port: port, file: file, limit: limit, rate: rate)
    }

    /// Decimal digits only: no sign, no blank, no underscore.
    private func number(
        _ text: Substring, _ range: ClosedRange<UInt64>
    ) throws(ArgumentError) -> UInt64 {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .badNumber(option: option, value: String(text))
        }
        guard let number = UInt64(text), range.contains(number) else {
            throw .outOfRange(
                option: option, value: String(text), allowed: "\(range.lowerBound)…\(range.upperBound)")
        }
        return number
    }

    private func descriptor(_ text: Substring) throws(ArgumentError) -> FileDescriptor {
        let raw = CInt(try number(text, 0...1 << 20))
        let descriptor = FileDescriptor(rawValue: raw)
        do throws(Errno) { _ = try descriptor.statusFlags() } catch {
            throw .notOpen(option: option, descriptor: raw)
        }
        return descriptor
    }
}
