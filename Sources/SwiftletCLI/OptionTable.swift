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
                throw UsageError("unknown option -\(letter)")
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

    /// Names the option that shares the longest beginning with `long`, if that is at least three letters.
    private func suggestion(for long: String) -> String {
        func common(_ name: String) -> Int { zip(name, long).prefix { $0 == $1 }.count }
        let candidates = specifications.map(\.long).filter { common($0) >= 3 }
        guard let best = candidates.max(by: { common($0) < common($1) }) else { return "" }
        return " (did you mean --\(best)?)"
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
