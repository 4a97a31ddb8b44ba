import JobWire
import Testing

@testable import JobRunner

/// What a user writes has any length: it is that job's error, before there is a VM, and never the end of this process.
@Suite(.serialized) struct WordTests {
    private func refusal(_ preparing: (inout JobRequest) -> Void) -> LaunchError? {
        do {
            _ = try run({ _ in Issue.record("a VM was started") }, preparing: preparing)
            return nil
        } catch {
            return error as? LaunchError
        }
    }

    private let limit = WireLimit.payload

    @Test("HOSTILE 30: a command, an argument and a variable over a frame's limit are refused by name, on the byte")
    func strings() {
        let long = [UInt8](repeating: UInt8(ascii: "a"), count: limit + 1)
        #expect(
            refusal { $0.arguments = [long] } == .tooLong(what: "the command", bytes: limit + 1, limit: limit))
        #expect(
            refusal { $0.arguments = [[65], [], long] }
                == .tooLong(what: "argument 2", bytes: limit + 1, limit: limit))
        #expect(
            refusal { $0.environment = [Array("A=b".utf8), Array("NAME=".utf8) + long] }
                == .tooLong(what: "environment variable NAME", bytes: limit + 6, limit: limit))
        #expect(refusal { $0.environment = [[]] } == .badWord(what: "environment variable 1", why: "is empty"))
        #expect(refusal { $0.arguments = [[65, 0, 66]] } == .badWord(what: "the command", why: "has a NUL byte"))
    }

    @Test("HOSTILE 30: a path of the guest's over 4,095 bytes is refused by name, wherever it stands")
    func paths() throws {
        let directory = try TemporaryDirectory()
        let long = [UInt8(ascii: "/")] + [UInt8](repeating: UInt8(ascii: "p"), count: WireLimit.path)
        #expect(
            refusal { $0.workingDirectory = long }
                == .tooLong(what: "the working directory", bytes: 4096, limit: 4095))
        let host = Array("\(directory.path)/r".utf8)
        let output = refusal { $0.outputs = [.init(guestPath: long, hostPath: host)] }
        #expect(output?.description.hasSuffix("ppp: 4096 bytes; it may have 4095") == true)
        let file = try directory.write("f", [65])
        let input = refusal { $0.inputs = [.init(hostPath: file, guestPath: long)] }
        #expect(input?.description.hasSuffix("4096 bytes; it may have 4095") == true)
    }

    @Test("HOSTILE 30: more outputs than a guest takes are refused by their number")
    func outputs() throws {
        let directory = try TemporaryDirectory()
        let output = JobRequest.OutputFile(
            guestPath: Array("/r".utf8), hostPath: Array("\(directory.path)/r".utf8))
        #expect(
            refusal { $0.outputs = Array(repeating: output, count: 4097) }
                == .tooManyOutputs(4097, limit: 4096))
    }

    @Test("HOSTILE 30: the longest words there may be arrive whole")
    func longest() throws {
        let argument = [UInt8](repeating: UInt8(ascii: "a"), count: limit)
        let variable = Array("V=".utf8) + [UInt8](repeating: UInt8(ascii: "b"), count: limit - 2)
        let path = [UInt8(ascii: "/")] + [UInt8](repeating: UInt8(ascii: "p"), count: WireLimit.path - 1)
        let received = Box<[HostMessage]>()
        _ = try run(
            { machine in
                received.value = machine.receiveJob().messages
                machine.succeed()
            },
            preparing: {
                $0.arguments = [argument]
                $0.environment = [variable]
                $0.workingDirectory = path
            })
        let messages = try #require(received.value)
        #expect(messages.contains(.argument(argument)) && messages.contains(.environment(variable)))
        #expect(messages.contains(.workingDirectory(path)) && messages.suffix(2) == [.start, .powerOff])
    }
}
