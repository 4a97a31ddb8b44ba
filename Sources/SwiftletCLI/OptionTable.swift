/// What a user typed wrong. Exit status 2, as usual for a bad option.
public struct UsageError: Error, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// One option of a command, and what it does to the command's options.
struct OptionSpecification<Options>: Sendable {
    enum Effect: Sendable {
        case flag(@Sendable (inout Options) -> Void)
        /// `placeholder` is for the help text.
        case value(placeholder: String, @Sendable (inout Options, String) throws(UsageError) -> Void)
        /// `--name` or `--name=VALUE`.
        case optionalValue(
            placeholder: String, @Sendable (inout Options, String?) throws(UsageError) -> Void)
    }

    let short: Character?
    let long: String
    let help: String
    let effect: Effect

    init(_ long: String, _ short: Character, _ help: String, _ effect: Effect) {
        self.init(long: long, short: short, help: help, effect: effect)
    }

    init(_ long: String, _ help: String, _ effect: Effect) {
        self.init(long: long, short: nil, help: help, effect: effect)
    }

    fileprivate init(long: String, short: Character?, help: String, effect: Effect) {
        self.long = long
        self.short = short
        self.help = help
        self.effect = effect
    }

    var name: String { "--\(long)" }

    var isFlag: Bool {
        if case .flag = effect { true } else { false }
    }

    /// The option's effect, given its value in some other way than on a command line. A flag's value is not looked at.
    func apply(_ value: String, to options: inout Options) throws(UsageError) {
        switch effect {
        case .flag(let apply): apply(&options)
        case .value(_, let apply): try apply(&options, value)
        case .optionalValue(_, let apply): try apply(&options, value)
        }
    }

    /// The same option for a command whose options contain `Options`; `reach` opens them for change.
    func lifted<Outer>(
        _ reach:
            @escaping @Sendable (inout Outer, (inout Options) throws(UsageError) -> Void) throws(UsageError)
            -> Void
    ) -> OptionSpecification<Outer> {
        switch effect {
        case .flag(let apply):
            // `apply` throws nothing, so `reach` does not either.
            .init(
                long: long, short: short, help: help,
                effect: .flag { outer in
                    try? reach(&outer) { options throws(UsageError) in apply(&options) }
                })
        case .value(let placeholder, let apply):
            .init(
                long: long, short: short, help: help,
                effect: .value(placeholder: placeholder) { outer, value throws(UsageError) in
                    try reach(&outer) { options throws(UsageError) in try apply(&options, value) }
                })
        case .optionalValue(let placeholder, let apply):
            .init(
                long: long, short: short, help: help,
                effect: .optionalValue(placeholder: placeholder) { outer, value throws(UsageError) in
                    try reach(&outer) { options throws(UsageError) in try apply(&options, value) }
                })
        }
    }
}

/// The options of one command and the usual ways to write them:
///
///     --name VALUE   --name=VALUE   -n VALUE   -nVALUE   -n=VALUE   -ab (two flags)   -- (no options behind it)
///
/// Options end at the first word that is none, so that a job's command keeps its own.
struct OptionTable<Options>: Sendable {
    let specifications: [OptionSpecification<Options>]

    init(_ specifications: [OptionSpecification<Options>]) {
        self.specifications = specifications
    }

    /// Applies the options at the start of `arguments`.
    ///
    /// - Parameters:
    ///   - isBytewise: Whether `arguments[i]` stands for the user's bytes exactly. An option's value that does not cannot
    ///     be used: it would name something else.
    ///   - given: Called with the long name of each option there is.
    /// - Returns: The index of the first word behind the options.
    func parse(
        _ arguments: [String], into options: inout Options, isBytewise: (Int) -> Bool = { _ in true },
        given: (String) -> Void = { _ in }
    ) throws(UsageError) -> Int {
        var index = 0
        while index < arguments.count {
            let word = arguments[index]
            if word == "--" { return index + 1 }
            guard word.hasPrefix("-"), word != "-" else { return index }
            guard isBytewise(index) else { throw UsageError("option \(word): not valid UTF-8") }
            index += 1
            func next(_ name: String) throws(UsageError) -> String {
                guard index < arguments.count else { throw UsageError("\(name): needs a value") }
                guard isBytewise(index) else { throw UsageError("\(name): the value is not valid UTF-8") }
                defer { index += 1 }
                return arguments[index]
            }
            if word.hasPrefix("--") {
                try parseLong(word.dropFirst(2), into: &options, next: next, given)
            } else {
                try parseShort(word.dropFirst(), into: &options, next: next, given)
            }
        }
        return index
    }

    /// Applies the options among `arguments`, in any order with operands, as GNU tools take them. Behind `--` are
    /// operands only.
    ///
    /// - Returns: The indices of the operands.
    func parsePermuted(
        _ arguments: [String], into options: inout Options, isBytewise: (Int) -> Bool = { _ in true },
        given: (String) -> Void = { _ in }
    ) throws(UsageError) -> [Int] {
        var operands: [Int] = []
        var start = 0
        while start < arguments.count {
            let rest = Array(arguments[start...])
            let taken = try parse(
                rest, into: &options, isBytewise: { [start] in isBytewise(start + $0) }, given: given)
            let end = start + taken
            if end > start, arguments[end - 1] == "--" { return operands + Array(end..<arguments.count) }
            if end < arguments.count { operands.append(end) }
            start = end + 1
        }
        return operands
    }

    private func parseLong(
        _ word: Substring, into options: inout Options, next: (String) throws(UsageError) -> String,
        _ given: (String) -> Void
    ) throws(UsageError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let long = String(parts.first ?? "")
        guard let option = specifications.first(where: { $0.long == long }) else {
            throw UsageError("unknown option --\(long)" + suggestion(for: long))
        }
        given(option.long)
        let attached = parts.count == 2 ? String(parts[1]) : nil
        switch option.effect {
        case .flag(let apply):
            guard attached == nil else { throw UsageError("\(option.name): takes no value") }
            apply(&options)
        case .value(_, let apply):
            let value = if let attached { attached } else { try next(option.name) }
            try naming(option) { () throws(UsageError) in try apply(&options, value) }
        case .optionalValue(_, let apply):
            try naming(option) { () throws(UsageError) in try apply(&options, attached) }
        }
    }

    private func parseShort(
        _ letters: Substring, into options: inout Options, next: (String) throws(UsageError) -> String,
        _ given: (String) -> Void
    ) throws(UsageError) {
        var rest = letters
        while let letter = rest.popFirst() {
            guard let option = specifications.first(where: { $0.short == letter }) else {
                throw UsageError("unknown option -\(letter)" + suggestion(for: String(letter)))
            }
            given(option.long)
            switch option.effect {
            case .flag(let apply):
                apply(&options)
            case .value(_, let apply):
                if rest.first == "=" { rest.removeFirst() }
                let value = if rest.isEmpty { try next("-\(letter) (\(option.name))") } else { String(rest) }
                try naming(option) { () throws(UsageError) in try apply(&options, value) }
                return
            case .optionalValue(_, let apply):
                try naming(option) { () throws(UsageError) in try apply(&options, nil) }
            }
        }
    }

    private func naming(
        _ option: OptionSpecification<Options>, _ body: () throws(UsageError) -> Void
    ) throws(UsageError) {
        do throws(UsageError) {
            try body()
        } catch {
            throw UsageError("\(option.name): \(error.description)")
        }
    }

    /// What users of docker write out of habit, and what to do here.
    private static var habits: [String: String] {
        [
            "d": "a job runs in the foreground; put & behind the command",
            "detach": "a job runs in the foreground; put & behind the command",
            "rm": "nothing of a job stays, so there is nothing to remove",
            "volume": "a job has files by --in SRC:DST and gives them back by --out GUEST:HOST",
            "mount": "a job has files by --in SRC:DST and gives them back by --out GUEST:HOST",
            "p": "a job has no network", "publish": "a job has no network",
            "privileged": "a job is root of a machine of its own",
            "entrypoint": "an image has none; name the command",
        ]
    }

    /// Longer words are nobody's slip of the finger.
    private static var longestSlip: Int { 40 }

    /// Names the nearest option if that is at most two letters away, or begins alike.
    private func suggestion(for word: String) -> String {
        if let habit = Self.habits[word] { return ": \(habit)" }
        guard word.count > 2, word.count <= Self.longestSlip else { return "" }
        func common(_ name: String) -> Int { zip(name, word).prefix { $0 == $1 }.count }
        let names = specifications.map(\.long)
        let distances = names.map { (name: $0, distance: Self.distance($0, word)) }
        let near = distances.min { $0.distance < $1.distance }
        if let near, near.distance <= min(2, word.count / 2) { return " (did you mean --\(near.name)?)" }
        let alike = names.filter { common($0) >= 3 }
        guard let best = alike.max(by: { common($0) < common($1) }) else { return "" }
        return " (did you mean --\(best)?)"
    }

    /// How many letters must be changed, added, left out or swapped with their neighbour to make one word of the other.
    static func distance(_ first: String, _ second: String) -> Int {
        let (a, b) = (Array(first), Array(second))
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var least = min(row[j - 1] + 1, last[j] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                let isSwap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
                if isSwap { least = min(least, before[j - 2] + 1) }
                row.append(least)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }

    /// The options as lines of a help text. What is not available is named last, in one line.
    var help: String {
        var lines: [String] = []
        for option in specifications {
            var left = option.short.map { "  -\($0), " } ?? "      "
            left += option.name
            switch option.effect {
            case .flag: break
            case .value(let placeholder, _): left += " \(placeholder)"
            case .optionalValue(let placeholder, _): left += "[=\(placeholder)]"
            }
            let pad = String(repeating: " ", count: max(2, 30 - left.count))
            lines.append(left + pad + option.help)
        }
        return lines.joined(separator: "\n")
    }
}
