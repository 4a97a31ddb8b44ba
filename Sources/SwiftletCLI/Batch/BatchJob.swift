/// One job of a batch: a line of NDJSON, understood.
///
///     {"command": ["python3", "solve.py"], "image": "python", "timeout": "10s", "in": ["a.py:s.py"], "stdin": "1"}
///
/// Every option of `swiftlet run` that makes sense for a job among many is a member of the same name (`max-output` or
/// `max_output`), with the same values. An option that may be repeated takes an array too, `env` and `label` an object, a
/// flag true or false. From a template, `command` is the arguments of the program that goes on; it may be missing. `stdin` is
/// the standard input as text. What the line does not say is as on batch's command line.
struct BatchJob {
    var options: RunOptions
    var command: [[UInt8]]
    /// The options that the line has, by long name.
    private(set) var given: Set<String> = []
    /// Nil: empty.
    var standardInput: [UInt8]?

    /// - Throws: what is wrong with the line, as a sentence.
    init(line: [UInt8], defaults: RunOptions) throws(UsageError) {
        let value: JSONValue
        do throws(JSONError) { value = try JSONReader.value(of: line) } catch {
            throw UsageError(error.description)
        }
        guard case .object(let members) = value else {
            throw UsageError("a job is an object, and this is \(value.kind)")
        }
        options = defaults
        command = []
        for member in members {
            switch member.name {
            case "command": command = try Self.words(member.value)
            case "stdin":
                guard case .string(let text) = member.value else {
                    throw UsageError("\"stdin\": a string is wanted, and this is \(member.value.kind)")
                }
                standardInput = Array(text.utf8)
            default: given.insert(try Self.set(member, in: &options))
            }
        }
        if command.isEmpty, options.template == nil {
            throw UsageError("\"command\" is missing: an array of at least one string")
        }
        try options.checkTogether()
        options.printsJSON = true
    }

    private static func words(_ value: JSONValue) throws(UsageError) -> [[UInt8]] {
        guard case .array(let elements) = value, !elements.isEmpty else {
            throw UsageError(
                "\"command\": an array of at least one string is wanted, like [\"echo\", \"hi\"]")
        }
        var words: [[UInt8]] = []
        for element in elements {
            guard case .string(let word) = element else {
                throw UsageError("\"command\": each word is a string, and one is \(element.kind)")
            }
            guard !word.utf8.contains(0) else { throw UsageError("\"command\": a word has a NUL byte") }
            words.append(Array(word.utf8))
        }
        return words
    }

    /// - Returns: the option's long name.
    private static func set(
        _ member: JSONValue.Member, in options: inout RunOptions
    ) throws(UsageError) -> String {
        let long = String(member.name.map { $0 == "_" ? "-" : $0 })
        guard let option = BatchOptions.jobOptions.first(where: { $0.long == long }) else {
            throw UsageError(
                "unknown member \"\(member.name)\"; the members are command, stdin and the options of run")
        }
        for value in try texts(member, isFlag: option.isFlag) {
            if long == "out", !value.contains(":") {
                throw UsageError(
                    "\"out\": say where on the host it goes, GUEST:HOST; jobs of a batch share a directory")
            }
            if long == "out", value.hasSuffix(":-") {
                throw UsageError("\"out\": the standard output is for the results; name a file")
            }
            do throws(UsageError) {
                try option.apply(value, to: &options)
            } catch {
                throw UsageError("\"\(member.name)\": \(error.description)")
            }
        }
        return long
    }

    /// The member's values as a command line would have them; none for a flag that is false.
    private static func texts(_ member: JSONValue.Member, isFlag: Bool) throws(UsageError) -> [String] {
        func refused(_ value: JSONValue) -> UsageError {
            UsageError("\"\(member.name)\": \(value.kind) says nothing here")
        }
        func text(_ value: JSONValue) throws(UsageError) -> String {
            let text: String
            switch value {
            case .string(let string): text = string
            case .number(let number): text = number
            default: throw refused(value)
            }
            guard !text.utf8.contains(0) else { throw UsageError("\"\(member.name)\": it has a NUL byte") }
            return text
        }
        switch member.value {
        case .boolean(let isOn) where isFlag: return isOn ? [""] : []
        case .array(let elements) where !isFlag:
            var texts: [String] = []
            for element in elements { texts.append(try text(element)) }
            return texts
        case .object(let members) where ["env", "label"].contains(member.name):
            var texts: [String] = []
            for member in members { texts.append("\(member.name)=\(try text(member.value))") }
            return texts
        case let value where !isFlag: return [try text(value)]
        default: throw refused(member.value)
        }
    }
}
