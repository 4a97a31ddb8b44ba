/// Just enough reading of Swift to measure it: no parser, but comments, string literals and braces are told apart.
enum SwiftCode {
    private enum Mode { case code, comment(depth: Int), multilineString }

    /// Each line without its comments and with its string literals emptied to `""`.
    static func stripped(_ lines: [String]) -> [String] {
        var mode = Mode.code
        return lines.map { line in
            // Most lines have neither, and need no reading.
            let isPlain = !line.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\"") }
            if case .code = mode, isPlain { return line }
            var result = ""
            var rest = Substring(line)
            while !rest.isEmpty { step(&rest, &mode, &result) }
            return result
        }
    }

    private static func step(_ rest: inout Substring, _ mode: inout Mode, _ result: inout String) {
        switch mode {
        case .comment(let depth):
            if rest.hasPrefix("*/") {
                rest = rest.dropFirst(2)
                mode = depth == 1 ? .code : .comment(depth: depth - 1)
            } else if rest.hasPrefix("/*") {
                rest = rest.dropFirst(2)
                mode = .comment(depth: depth + 1)
            } else {
                rest = rest.dropFirst()
            }
        case .multilineString:
            if rest.hasPrefix("\"\"\"") {
                rest = rest.dropFirst(3)
                mode = .code
                result += "\"\""
            } else {
                rest = rest.dropFirst()
            }
        case .code:
            if rest.hasPrefix("//") {
                rest = ""
            } else if rest.hasPrefix("/*") {
                rest = rest.dropFirst(2)
                mode = .comment(depth: 1)
            } else if rest.hasPrefix("\"\"\"") {
                rest = rest.dropFirst(3)
                mode = .multilineString
            } else if rest.first == "\"" {
                skipString(&rest)
                result += "\"\""
            } else if let character = rest.first {
                result.append(character)
                rest = rest.dropFirst()
            }
        }
    }

    /// Consumes a one-line string literal, interpolations with literals of their own included.
    private static func skipString(_ rest: inout Substring) {
        rest = rest.dropFirst()
        while let character = rest.first {
            if rest.hasPrefix("\\(") {
                rest = rest.dropFirst(2)
                skipInterpolation(&rest)
            } else if character == "\\" {
                rest = rest.dropFirst(2)
            } else {
                rest = rest.dropFirst()
                if character == "\"" { return }
            }
        }
    }

    private static func skipInterpolation(_ rest: inout Substring) {
        var depth = 1
        while depth > 0, let character = rest.first {
            if character == "\"" {
                skipString(&rest)
                continue
            }
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            rest = rest.dropFirst()
        }
    }

    /// A function, initialiser, accessor-free: where it starts (line index) and how many lines it has, braces included.
    struct Function {
        let name: String
        let start: Int
        let lines: Int
    }

    private static var declaration: Regex<(Substring, Substring)> {
        #/\b(func\s+[^\s(<]+|init[?!]?\s*[(<]|deinit\b|subscript\s*[(<])/#
    }

    static func functions(in code: [String]) -> [Function] {
        let declaration = declaration
        var open: [(name: String, start: Int, depth: Int)] = []
        var pending: (name: String, start: Int)?
        var parentheses = 0
        var depth = 0
        var result: [Function] = []
        for (index, line) in code.enumerated() {
            let isCall = line.contains(".init(") || line.contains("self.init") || line.contains("super.init")
            if pending == nil, !isCall, let match = line.firstMatch(of: declaration) {
                pending = (String(match.1), index)
                parentheses = 0
            }
            for character in line {
                if character == "(" { parentheses += 1 }
                if character == ")" { parentheses -= 1 }
                if character == "{" {
                    // Not of a parameter's default value.
                    if parentheses == 0, let start = pending {
                        open.append((start.name, start.start, depth))
                        pending = nil
                    }
                    depth += 1
                } else if character == "}" {
                    depth -= 1
                    if let last = open.last, last.depth == depth {
                        open.removeLast()
                        let lines = index - last.start + 1
                        result.append(Function(name: last.name, start: last.start, lines: lines))
                    }
                }
            }
            // A requirement in a protocol has no body: its declaration ends with the line after balanced parentheses.
            if let start = pending, index > start.start + 12 { pending = nil }
        }
        return result
    }
}
