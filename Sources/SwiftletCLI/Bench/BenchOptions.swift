/// The options of `swiftlet bench`.
struct BenchOptions {
    var rounds = 50
    /// Empty: the quick ones.
    var workloads: [Workload] = []
    var contenders = Contender.all
    private var isNarrowed = false
    var printsJSON = false
    var picturePath: String?
    var measuresScale = false
    var idleMachines: Int?
    var wantsHelp = false

    static let table = OptionTable<BenchOptions>([
        .init(
            "rounds", "n", "how often each contender runs [50]",
            .value(placeholder: "N") { options, text throws(UsageError) in
                options.rounds = try number(text, upTo: 100_000)
            }),
        .init(
            "workload", "one of those below; may be repeated [the quick ones]",
            .value(placeholder: "NAME") { options, text throws(UsageError) in
                options.workloads.append(try Workload.named(text))
            }),
        .init("all", "every workload", .flag { $0.workloads = Workload.all }),
        .init(
            "contender", "one of those below; may be repeated [all that are found]",
            .value(placeholder: "NAME") { options, text throws(UsageError) in
                let contender = try Contender.named(text)
                options.contenders = (options.isNarrowed ? options.contenders : []) + [contender]
                options.isNarrowed = true
            }),
        .init("json", "print one JSON result instead of tables", .flag { $0.printsJSON = true }),
        .init(
            "svg", "draw the phases into a file", .value(placeholder: "FILE") { $0.picturePath = $1 }),
        .init(
            "scale", "jobs a second, and time and memory by the size of jobs",
            .flag { $0.measuresScale = true }),
        .init(
            "idle", "memory of N machines that wait, then a job in each",
            .value(placeholder: "N") { options, text throws(UsageError) in
                options.idleMachines = try number(text, upTo: 10_000)
            }),
        .init("help", "h", "this text", .flag { $0.wantsHelp = true }),
    ])

    /// Scale and idle machines are measured alone, unless workloads were named too.
    var chosenWorkloads: [Workload] {
        if !workloads.isEmpty { return workloads }
        return measuresScale || idleMachines != nil ? [] : Workload.all.filter(\.isQuick)
    }

    private static func number(_ text: String, upTo limit: Int) throws(UsageError) -> Int {
        guard let number = Int(text), (1...limit).contains(number) else {
            throw UsageError("\"\(text)\" is not a number from 1 to \(limit)")
        }
        return number
    }
}
