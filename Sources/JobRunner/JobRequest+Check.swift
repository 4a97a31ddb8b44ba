import JobWire

extension JobRequest {
    /// Finds the words of a job that no machine can be told, before it has one: each is the caller's own, of any length.
    func checkWords() throws(LaunchError) {
        for (index, argument) in arguments.enumerated() {
            let what = index == 0 ? "the command" : "argument \(index)"
            try Self.check(argument, what, 0...WireLimit.payload)
        }
        for (index, variable) in environment.enumerated() {
            let name = variable.prefix { $0 != UInt8(ascii: "=") }.prefix(40)
            let what = name.isEmpty ? "environment variable \(index + 1)" : "environment variable \(printable(Array(name)))"
            try Self.check(variable, what, 1...WireLimit.payload)
        }
        try Self.check(workingDirectory, "the working directory", 1...WireLimit.path, isPath: true)
        guard outputs.count <= JobSpecification.maximumOutputs else {
            throw .tooManyOutputs(outputs.count, limit: JobSpecification.maximumOutputs)
        }
        for output in outputs {
            try Self.check(
                output.guestPath, "output file \(printable(Array(output.guestPath.prefix(40))))", 1...WireLimit.path,
                isPath: true)
        }
        for input in inputs {
            try Self.check(
                input.guestPath, "input file \(printable(Array(input.hostPath.prefix(40))))'s place", 1...WireLimit.path,
                isPath: true)
        }
    }

    private static func check(
        _ word: [UInt8], _ what: String, _ lengths: ClosedRange<Int>, isPath: Bool = false
    ) throws(LaunchError) {
        if word.count > lengths.upperBound {
            throw .tooLong(what: what, bytes: word.count, limit: lengths.upperBound)
        }
        if word.count < lengths.lowerBound { throw .badWord(what: what, why: "is empty") }
        if word.contains(0) { throw .badWord(what: what, why: "has a NUL byte") }
        if isPath, word.first != UInt8(ascii: "/") { throw .badWord(what: what, why: "is no absolute path") }
    }
}
