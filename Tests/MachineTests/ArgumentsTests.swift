import LinuxSystem
import SystemPackage
import Testing

@testable import Machine

/// Descriptors 0, 1 and 2 are open in every test.
private let required = ["--kvm", "0", "--kernel", "1", "--memory", "268435456", "--events", "2"]

private func parse(_ arguments: [String]) throws(ArgumentError) -> MachineConfiguration {
    try MachineConfiguration(parsing: arguments)
}

@Suite struct ArgumentsTests {
    @Test("the required options alone are a machine with the defaults")
    func defaults() throws {
        let machine = try parse(required)
        #expect(machine.kvm.rawValue == 0 && machine.kernel.rawValue == 1 && machine.events?.rawValue == 2)
        #expect(machine.memoryBytes == 256 << 20)
        #expect(machine.rootTransport == .pmem && machine.root == nil)
        #expect(machine.logLimit == 64 << 10 && machine.guestCID == 3)
        #expect(!machine.isUnconfined && !machine.hasDebugLog)
    }

    @Test("streams carry a port, a descriptor and perhaps a limit; disks a descriptor and perhaps ro")
    func listsOfDescriptors() throws {
        let machine = try parse(
            required + ["--stream", "1026=1,limit=16777216", "--stream", "1024=0"]
                + ["--disk", "0,ro", "--disk", "1"])
        #expect(machine.streams.map(\.port) == [1026, 1024])
        #expect(machine.streams.map(\.limit) == [16_777_216, nil])
        #expect(machine.disks.map(\.isReadOnly) == [true, false])
    }

    @Test("each missing option is named", arguments: ["--kvm", "--kernel", "--memory", "--events"])
    func missing(option: String) throws {
        var arguments = required
        let index = try #require(arguments.firstIndex(of: option))
        arguments.removeSubrange(index...(index + 1))
        #expect(throws: ArgumentError.missing(option)) { _ = try parse(arguments) }
    }

    @Test("memory is fresh, a file's that is saved, or a template's; one of them, and without disks")
    func memorySource() throws {
        #expect(try parse(required).memorySource == .fresh)
        #expect(try parse(required + ["--save", "0"]).memorySource == .saved(.standardInput))
        #expect(try parse(required + ["--restore", "0"]).memorySource == .restored(.standardInput))
        for option in ["--save", "--restore"] {
            #expect(throws: ArgumentError.twice("--save or --restore")) {
                _ = try parse(required + ["--save", "0", option, "1"])
            }
            #expect(throws: ArgumentError.needs(option: "--save or --restore", other: "a machine without disks")) {
                _ = try parse(required + [option, "0", "--disk", "1"])
            }
        }
    }

    @Test("--debug-log stands in for --events")
    func debugLog() throws {
        #expect(try parse(Array(required.dropLast(2)) + ["--debug-log"]).events == nil)
    }

    @Test(
        "HOSTILE 22: what is not a plain decimal number is refused",
        arguments: ["", "-1", "+1", " 1", "1k", "0x10", "１"])
    func badNumbers(text: String) {
        #expect(throws: ArgumentError.badNumber(option: "--cid", value: text)) {
            _ = try parse(required + ["--cid", text])
        }
    }

    @Test(
        "HOSTILE 22: numbers that do not fit are out of range, not wrapped",
        arguments: ["2", "4294967295", "18446744073709551617"])
    func outOfRange(text: String) {
        let error = #expect(throws: ArgumentError.self) { _ = try parse(required + ["--cid", text]) }
        guard case .outOfRange(option: "--cid", value: text, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a descriptor that is not open is refused by name")
    func closedDescriptor() {
        #expect(throws: ArgumentError.notOpen(option: "--root", descriptor: 999)) {
            _ = try parse(required + ["--root", "999"])
        }
    }

    @Test("rates belong to their disk, in any order, each once and never 0")
    func rates() throws {
        let disk = try #require(
            try parse(required + ["--disk", "0,ro,write-iops=5,read-bps=7", "--disk", "0"]).disks.first)
        #expect(disk.isReadOnly)
        #expect(disk.rates.writeOperations == 5)
        #expect(disk.rates.readBytes == 7)
        #expect(disk.rates.writeBytes == nil)
        #expect(throws: ArgumentError.twice("--disk read-bps")) {
            _ = try parse(required + ["--disk", "0,read-bps=1,read-bps=2"])
        }
        for bad in ["0,read-bps=0", "0,read-bps=18446744073709551616", "0,read-bps=", "0,read-bps=-1", "0,"] {
            #expect(throws: ArgumentError.self) { _ = try parse(required + ["--disk", bad]) }
        }
        let needed = "--root with --root-transport block"
        #expect(throws: ArgumentError.needs(option: "--root-rates", other: needed)) {
            _ = try parse(required + ["--root", "0", "--root-rates", "read-bps=1"])
        }
        let stream = try #require(try parse(required + ["--stream", "7=0,limit=3,bps=9"]).streams.first)
        #expect(stream.limit == 3)
        #expect(stream.rate == 9)
        #expect(throws: ArgumentError.self) { _ = try parse(required + ["--stream", "7=0,bps=0"]) }
        #expect(throws: ArgumentError.self) { _ = try parse(required + ["--stream", "7=0,bps=1,bps=1"]) }
    }

    @Test("a nonce is 32 hexadecimal digits, its bytes in order")
    func nonce() throws {
        let text = "000102030405060708090a0B0c0dfeff"
        #expect(
            try parse(required + ["--nonce", text]).nonce
                == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xfe, 0xff])
        for bad in ["", "00", text + "0", String(text.dropLast()) + "g", String(text.dropLast(2)) + " 1"] {
            #expect(throws: ArgumentError.self) { _ = try parse(required + ["--nonce", bad]) }
        }
    }

    @Test("unknown options, repeated options and missing values are refused")
    func wrongShape() {
        #expect(throws: ArgumentError.unknown("--frobnicate")) { _ = try parse(required + ["--frobnicate"]) }
        #expect(throws: ArgumentError.unknown("--memory=1")) { _ = try parse(required + ["--memory=1"]) }
        #expect(throws: ArgumentError.twice("--kvm")) { _ = try parse(required + ["--kvm", "0"]) }
        #expect(throws: ArgumentError.twice("--stream 7")) {
            _ = try parse(required + ["--stream", "7=0", "--stream", "7=1"])
        }
        #expect(throws: ArgumentError.missingValue("--root")) { _ = try parse(required + ["--root"]) }
        let allowed = "ro, read-bps=N, write-bps=N, read-iops=N, write-iops=N"
        #expect(throws: ArgumentError.badChoice(option: "--disk", value: "rw", allowed: allowed)) {
            _ = try parse(required + ["--disk", "0,rw"])
        }
        #expect(throws: ArgumentError.badChoice(option: "--stream", value: "7", allowed: "PORT=FD")) {
            _ = try parse(required + ["--stream", "7"])
        }
    }

    @Test("errors read as sentences")
    func sentences() {
        let range = ArgumentError.outOfRange(option: "--cid", value: "2", allowed: "3…9")
        #expect("\(range)" == "--cid: 2 is out of range (3…9)")
        let closed = ArgumentError.notOpen(option: "--root", descriptor: 9)
        #expect("\(closed)" == "--root: descriptor 9 is not open")
    }
}
