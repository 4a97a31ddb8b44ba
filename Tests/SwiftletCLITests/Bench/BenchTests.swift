import Testing

@testable import SwiftletCLI

@Suite struct BenchTests {
    @Test("quantiles are samples, by nearest rank: of 1 to 100 the 50th, 90th and 99th")
    func quantiles() throws {
        let quantiles = try #require(Quantiles((1...100).reversed().map(UInt64.init)))
        #expect(quantiles.count == 100)
        #expect(quantiles.minimum == 1)
        #expect(quantiles.p50 == 50)
        #expect(quantiles.p90 == 90)
        #expect(quantiles.p99 == 99)
        #expect(quantiles.maximum == 100)
    }

    @Test("of a single sample every quantile is that sample, and of none there are no quantiles")
    func fewSamples() throws {
        let one = try #require(Quantiles([7]))
        #expect([one.minimum, one.p50, one.p90, one.p99, one.maximum] == [7, 7, 7, 7, 7])
        #expect(Quantiles([]) == nil)
        // Of three, the 99th percentile is the largest: no figure is invented between two samples.
        #expect(Quantiles([1, 2, 1000])?.p99 == 1000)
        #expect(Quantiles([1, 2, 1000])?.p50 == 2)
    }

    @Test("contenders take turns, each once a round, and the order turns round every round")
    func interleaving() {
        let turns = Interleaving(contenders: 3, rounds: 2, warmUps: 1).turns
        #expect(turns.map(\.contender) == [0, 1, 2, 2, 1, 0, 0, 1, 2])
        #expect(turns.map(\.round) == [0, 0, 0, 1, 1, 1, 2, 2, 2])
        #expect(turns.map(\.isCounted) == [false, false, false, true, true, true, true, true, true])
    }

    @Test("a ledger is read from results: phases in their order, counts by dotted name, null left out")
    func ledger() throws {
        let results = [100, 300, 200].map { boot in
            Array(
                """
                {"status":0,"usage":{"system_calls":16,"vm_exits":{"total":\(boot)}},
                "timing":{"spawn":2000,"kernel_boot":\(boot),"teardown":null}}
                """.utf8)
        }
        let ledger = try JobLedger(results: results)
        #expect(ledger.phases.map(\.name) == ["spawn", "kernel_boot"])
        #expect(ledger.phases[1].quantiles.p50 == 200)
        #expect(ledger.phases[1].quantiles.maximum == 300)
        #expect(ledger.count("vm_exits.total") == 200)
        #expect(ledger.count("system_calls") == 16)
        #expect(ledger.count("teardown") == nil)
    }

    private static func outcome(
        status: CInt = 0, output: String = "", complaint: String = ""
    ) -> MeasuredChild.Outcome {
        var outcome = MeasuredChild.Outcome()
        outcome.status = status
        outcome.output = Array(output.utf8)
        outcome.outputBytes = UInt64(output.utf8.count)
        outcome.complaint = Array(complaint.utf8)
        return outcome
    }

    @Test("a job that fails, or says something else than it should, is a failure with its words, not a time")
    func problems() throws {
        let hello = try Workload.named("sh")
        #expect(hello.problem(of: Self.outcome(output: "hi\n")) == nil)
        #expect(
            hello.problem(of: Self.outcome(status: 1, complaint: "no such thing\nmore\n"))
                == "status 1: no such thing")
        #expect(hello.problem(of: Self.outcome(output: "ho\n")) == "its output is wrong")
        let cat = try Workload.named("cat")
        #expect(cat.problem(of: Self.outcome(output: "hi\n")) == "3 bytes of output, not 100000000")
    }

    private static func entry(_ name: String, _ microseconds: [UInt64], failure: String? = nil)
        -> BenchResult.Entry
    {
        var entry = BenchResult.Entry(contender: name, failure: failure)
        entry.whole = Quantiles(microseconds)
        return entry
    }

    @Test("ratios are of medians to bubblewrap's, and without bubblewrap's there is none")
    func ratios() throws {
        var comparison = BenchResult.Comparison(workload: try Workload.named("true"))
        comparison.entries = [
            Self.entry("bubblewrap", [4000, 5000, 90000]), Self.entry("swiftlet", [7000, 7500, 8000]),
        ]
        #expect(comparison.ratio(comparison.entries[1], \.whole) == 1.5)
        comparison.entries[0] = Self.entry("bubblewrap", [], failure: "status 1")
        #expect(comparison.ratio(comparison.entries[1], \.whole) == nil)
    }

    @Test("swiftlet's own failure is the bench's, a failure of another contender is information")
    func verdict() throws {
        var result = BenchResult(machine: MachineDescription())
        var comparison = BenchResult.Comparison(workload: try Workload.named("true"))
        comparison.entries = [Self.entry("bubblewrap", [], failure: "status 1"), Self.entry("swiftlet", [1])]
        result.comparisons = [comparison]
        #expect(result.isWhole)
        #expect(BenchTable(result: result).text.contains("bubblewrap failed: status 1"))
        result.comparisons[0].entries[1] = Self.entry("swiftlet", [], failure: "status 125")
        #expect(!result.isWhole)
    }

    @Test("every workload has a name of its own, and the quick ones are some of them")
    func workloads() throws {
        for name in ["true", "sh", "sort", "python", "python-imports", "spin", "cat", "files"] {
            let workload = try Workload.named(name)
            #expect(workload.name == name)
        }
        #expect(Set(Workload.all.map(\.name)).count == Workload.all.count)
        let quick = Workload.all.filter(\.isQuick)
        #expect(!quick.isEmpty)
    }

    @Test("every alternative that people compare with has a name, and what is not run says why")
    func alternatives() {
        let names = Contender.all.map(\.name)
        for name in ["plain", "bubblewrap", "crun", "kvmtool", "qemu-microvm", "firecracker", "swiftlet"] {
            #expect(names.contains(name))
        }
        for contender in Contender.all {
            if case .unable(let reason) = contender.availability() { #expect(!reason.isEmpty) }
        }
    }

    @Test("the guest's memory is a range as large, with the kernel mapped into it; the image beside it is not")
    func processMemory() {
        let smaps = """
            7f4633213000-7f4653400000 r--s 00000000 fe:00 9576810    /images/large.erofs
            Rss:                1580 kB
            Pss:                 790 kB
            Pss_Dirty:             0 kB
            7f4653400000-7f4653500000 rw-p 00000000 00:00 0
            Pss:                 100 kB
            7f4653500000-7f4653580000 rw-p 00000000 fe:00 123    /bin/swiftlet-kernel
            Pss:                  24 kB
            7f4653580000-7f4657400000 rw-p 00000000 00:00 0
            Pss:                1100 kB
            7f4657590000-7f46575d0000 rw-p 00000000 00:00 0
            Pss:                  20 kB
            """
        let memory = ProcessMemory(smaps: smaps, guestBytes: 64 << 20)
        #expect(memory.totalKiB == 2034)
        #expect(memory.guestKiB == 1224)
        // A process without a guest.
        #expect(ProcessMemory(smaps: smaps, guestBytes: .max).guestKiB == 0)
    }

    @Test("the picture has a titled rectangle for every phase, a mark for every other contender, and no raw markup")
    func picture() {
        let bar = PhasesPicture.Bar(
            title: "sh -c 'a < b & c'", phases: [("spawn", 2000), ("run", 6000)],
            marks: [("bubblewrap", 4000)])
        let svg = PhasesPicture(machine: "CPU <1>", bars: [bar]).svg
        #expect(svg.contains("<title>spawn 2.00 ms</title>"))
        #expect(svg.contains("<title>run 6.00 ms</title>"))
        #expect(svg.contains("sh -c 'a &lt; b &amp; c': 8.00 ms"))
        #expect(svg.contains("bubblewrap 4.00"))
        #expect(svg.contains("CPU &lt;1&gt;"))
        #expect(svg.contains("prefers-color-scheme: dark"))
        // 880 points for 8 ms: the second phase begins where the first ends, and is three times as wide.
        #expect(svg.contains("<rect x=\"10\" y=\"104\" width=\"220\""))
        #expect(svg.contains("<rect x=\"230\" y=\"104\" width=\"660\""))
    }

    @Test("decimals are rounded to thousandths, with leading zeros in the fraction")
    func decimals() {
        var json = JSONWriter()
        json.array { list in [0.0, 1.5, 2.0049, 12.0996, 0.9999].forEach { list.decimal($0) } }
        #expect(json.text == "[0.000,1.500,2.005,12.100,1.000]")
    }
}
