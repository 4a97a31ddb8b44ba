/// The options of `swiftlet pool`: its own, and those of `run` that make a machine's shape.
struct PoolOptions {
    var machine = RunOptions()
    /// How many machines are kept ready.
    var size = 2
    /// Nil: in XDG_RUNTIME_DIR.
    var socketPath: String?
    var isQuiet = false
    var wantsHelp = false

    private static let ofShape: Set<String> = [
        "image", "kernel", "initramfs", "template", "root-transport", "memory", "cpus", "device-read-bps", "device-write-bps",
        "device-read-iops", "device-write-iops", "stream-bps", "cgroup-parent",
    ]

    private static let own: [OptionSpecification<PoolOptions>] = [
        .init(
            "size", "n", "keep so many machines ready [2]",
            .value(placeholder: "N") { options, text throws(UsageError) in
                guard let number = Int(text), (1...BatchOptions.maximumShells).contains(number) else {
                    throw UsageError("\"\(text)\" is not a number from 1 to \(BatchOptions.maximumShells)")
                }
                options.size = number
            }),
        .init(
            "socket", "where run --pool=PATH finds it [swiftlet-pool.sock in XDG_RUNTIME_DIR]",
            .value(placeholder: "PATH") { options, text throws(UsageError) in
                if text.isEmpty { throw UsageError("the value is empty") }
                options.socketPath = text
            }),
        .init("quiet", "q", "say nothing while all is well", .flag { $0.isQuiet = true }),
        .init("help", "h", "this text", .flag { $0.wantsHelp = true }),
    ]

    static let table = OptionTable(
        own
            + RunOptions.table.specifications.filter { ofShape.contains($0.long) }.map {
                $0.lifted { options, body throws(UsageError) in try body(&options.machine) }
            })
}
