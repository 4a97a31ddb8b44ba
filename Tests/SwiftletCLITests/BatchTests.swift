import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import SwiftletCLI

private func json(_ text: String) throws(JSONError) -> JSONValue {
    try JSONReader.value(of: Array(text.utf8))
}

@Suite struct JSONReaderTests {
    @Test("values of every kind, with space around them")
    func values() throws {
        #expect(
            try json(" { \"a\" : [ 1 , -2.5e+3 , true , null , { } , [ ] ] } ")
                == .object([
                    .init(
                        name: "a",
                        value: .array([
                            .number("1"), .number("-2.5e+3"), .boolean(true), .null, .object([]), .array([]),
                        ]))
                ]))
    }

    @Test("escapes, and characters beyond the first plane as a pair")
    func escapes() throws {
        #expect(try json(#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#) == .string("\"\\/\u{8}\u{c}\n\r\té😀"))
    }

    @Test(
        "what RFC 8259 does not allow is an error",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "01", "1.", ".5", "+1", "1e", "-", "tru",
            "nul",
            "\"a", "\"\t\"", #""\x""#, #""\u12""#, #""\ud800""#, #""\ude00""#, #""\ud83dx""#, "1 2", "{} x",
            "{\"a\":1 \"b\":2}", "[1 2]", "{\"a\" 1}", "NaN", "{\"a\":1,\"a\":2}",
        ])
    func refused(text: String) {
        #expect(throws: JSONError.self) { try json(text) }
    }

    @Test("bytes that are no UTF-8 are an error, and so is nesting without end")
    func hostile() {
        #expect(throws: JSONError.self) { try JSONReader.value(of: [0x22, 0xff, 0x22]) }
        #expect(throws: JSONError.self) { try json(String(repeating: "[", count: 100_000)) }
    }

    @Test("ten thousand damaged lines are values or errors, never a trap")
    func damaged() {
        var state: UInt64 = 0x2545_f491_4f6c_dd1d
        let line = Array(
            #"{"command":["a","\u00e9\ud83d\ude00"],"env":{"A":"b"},"memory":64,"x":[true,null,-1.5e3]}"#.utf8
        )
        for _ in 0..<10_000 {
            var bytes = line
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
            }
            _ = try? JSONReader.value(of: Array(bytes.prefix(Int(state >> 40) % bytes.count + 1)))
        }
    }
}

private func job(_ line: String, defaults: RunOptions = RunOptions()) throws(UsageError) -> BatchJob {
    try BatchJob(line: Array(line.utf8), defaults: defaults)
}

@Suite struct BatchJobTests {
    @Test("members are the options of run, with - or _, as text or number, once or in an array")
    func members() throws {
        let job = try job(
            #"{"command":["a","b"],"memory":"64M","max_output":1024,"in":["x","y:/z"],"env":["A=1","B=2"],"timeout":2}"#
        )
        #expect(job.command == [Array("a".utf8), Array("b".utf8)])
        #expect(job.options.memoryBytes == 64 << 20)
        #expect(job.options.outputLimitBytes == 1024)
        #expect(job.options.inputs == ["x", "y:/z"])
        #expect(job.options.environment == ["A=1", "B=2"])
        #expect(job.options.timeoutNanoseconds == 2_000_000_000)
        #expect(job.standardInput == nil)
    }

    @Test("what the line does not say is as in the defaults; what it says wins")
    func defaults() throws {
        var defaults = RunOptions()
        defaults.image = "python"
        defaults.environment = ["A=default"]
        let job = try job(#"{"command":["a"],"env":{"A":"line"}}"#, defaults: defaults)
        #expect(job.options.image == "python")
        #expect(job.options.environment.last == "A=line")
    }

    @Test(
        "a member that is unknown, of the wrong kind, or belongs to a single run is refused by name",
        arguments: [
            (#"{"command":["a"],"memroy":1}"#, "memroy"), (#"{"command":"a"}"#, "command"),
            (#"{"command":[1]}"#, "command"), (#"{"command":["a\u0000"]}"#, "NUL"),
            (#"{"command":["a"],"stdin":5}"#, "stdin"), (#"{"command":["a"],"json":true}"#, "json"),
            (#"{"command":["a"],"meta":"x"}"#, "meta"), (#"{"command":["a"],"tty":true}"#, "tty"),
            (#"{"command":["a"],"memory":{"a":"b"}}"#, "memory"),
            (#"{"command":["a"],"memory":null}"#, "memory"),
            (#"{"command":["a"],"out":"x"}"#, "GUEST:HOST"), (#"{"image":"a"}"#, "command"), ("[]", "object"),
        ])
    func refused(line: String, word: String) {
        let error = #expect(throws: UsageError.self) { try job(line) }
        #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
    }
}

private func file(_ text: String) throws -> OwnedDescriptor {
    let file = try OwnedDescriptor.memoryFile(name: "lines")
    try file.borrowed.write(all: Array(text.utf8))
    try file.borrowed.rewind()
    return file
}

@Suite struct LineReaderTests {
    @Test("lines are numbered, blank ones left out, the last needs no newline")
    func lines() throws {
        let file = try file("a\n\n \t\r\nb\r\n\nlast")
        var reader = LineReader(file.borrowed)
        #expect(try reader.next() == .line(number: 1, Array("a".utf8)))
        #expect(try reader.next() == .line(number: 4, Array("b\r".utf8)))
        #expect(try reader.next() == .line(number: 6, Array("last".utf8)))
        #expect(try reader.next() == .end)
        #expect(try reader.next() == .end)
    }

    @Test("HOSTILE 30: a line longer than the limit is skipped, and the next one is whole")
    func tooLong() throws {
        let file = try file(String(repeating: "x", count: LineReader.maximumBytes + 70_000) + "\nnext\n")
        var reader = LineReader(file.borrowed)
        #expect(try reader.next() == .tooLong(number: 1))
        #expect(try reader.next() == .line(number: 2, Array("next".utf8)))
        #expect(try reader.next() == .end)
    }

    @Test("a pipe that has half a line has no line yet")
    func pipe() throws {
        let pipe = try Pipe()
        try pipe.writing.borrowed.write(all: Array("half".utf8))
        var reader = LineReader(pipe.reading.borrowed)
        #expect(try reader.next() == .notYet)
        try pipe.writing.borrowed.write(all: Array(" whole\n".utf8))
        #expect(try reader.next() == .line(number: 1, Array("half whole".utf8)))
    }
}

@Suite struct BatchOutputTests {
    @Test("the beginning of a result tells its line and job, and nothing else does")
    func identity() {
        var json = JSONWriter()
        json.object {
            BatchOutput.Place(line: 12, digest: 0xab).write(to: &$0)
            $0.number("status", 125)
            $0.string("id", "x")
        }
        let text = json.text
        let identity = BatchOutput.identity(of: Array(text.utf8))
        #expect(identity?.line == 12)
        #expect(identity?.digest == 0xab)
        #expect(identity?.status == 125)
        for other in [
            "", "{}", "{\"line\":1}", "{\"line\":x,\"job\":\"00000000000000ab\",",
            "{\"line\":1,\"job\":\"ab\",",
        ] {
            #expect(BatchOutput.identity(of: Array(other.utf8)) == nil, "\(other)")
        }
    }

    @Test("percentiles are by nearest rank")
    func percentiles() {
        #expect(BatchSummary.percentile([], 0.5) == nil)
        #expect(BatchSummary.percentile([7], 0.99) == 7)
        #expect(BatchSummary.percentile([1, 2, 3, 4], 0.5) == 2)
        #expect(BatchSummary.percentile(Array(1...100), 0.99) == 99)
    }
}
