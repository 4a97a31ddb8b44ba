/// The ledgers of many jobs of one kind, phase by phase (microseconds) and count by count.
struct JobLedger {
    private(set) var phases: [(name: String, quantiles: Quantiles)] = []
    /// System calls, faults, exits …; dotted names as in the result.
    private(set) var counts: [(name: String, quantiles: Quantiles)] = []

    /// - Parameter results: Each the text of a result (`--meta`).
    init(results: [[UInt8]]) throws(JSONError) {
        var timing: [String: [UInt64]] = [:]
        var usage: [String: [UInt64]] = [:]
        var names: [(isPhase: Bool, name: String)] = []
        for text in results {
            guard case .object(let members) = try JSONReader.value(of: text) else { continue }
            for member in members where member.name == "timing" || member.name == "usage" {
                for (name, value) in Self.numbers(member.value, "") {
                    let isPhase = member.name == "timing"
                    if (isPhase ? timing : usage)[name] == nil { names.append((isPhase, name)) }
                    if isPhase { timing[name, default: []].append(value) }
                    if !isPhase { usage[name, default: []].append(value) }
                }
            }
        }
        for (isPhase, name) in names {
            guard let quantiles = Quantiles((isPhase ? timing : usage)[name] ?? []) else { continue }
            if isPhase { phases.append((name, quantiles)) } else { counts.append((name, quantiles)) }
        }
    }

    func count(_ name: String) -> UInt64? { counts.first { $0.name == name }?.quantiles.p50 }

    /// Every whole number in a value, by dotted name.
    private static func numbers(_ value: JSONValue, _ prefix: String) -> [(String, UInt64)] {
        switch value {
        case .object(let members):
            members.flatMap { numbers($0.value, prefix.isEmpty ? $0.name : "\(prefix).\($0.name)") }
        case .number(let text): UInt64(text).map { [(prefix, $0)] } ?? []
        default: []
        }
    }
}
