// fuzz TARGET [libFuzzer options], fuzz --list, fuzz --seeds TARGET DIRECTORY: feeds one parser that a guest or a user's
// file can reach (README.md has the table). A target fails by trapping. Built only with SWIFTLET_FUZZ in the
// environment and `--sanitize fuzzer` (Tests/fuzz/run does both); `main` is libFuzzer's.
import Glibc
import LinuxSystem
import Synchronization

private let targets: [(name: String, run: @Sendable ([UInt8]) -> Void)] = [
    ("guest-frames", fuzzGuestFrames),
    ("host-frames", fuzzHostFrames),
    ("report", fuzzReport),
    ("machine-events", fuzzMachineEvents),
    ("kernel-image", fuzzKernelImage),
    ("kernel-load", fuzzKernelLoad),
    ("linux-load", fuzzLinuxLoad),
    ("mmio-bus", fuzzBus),
    ("split-queue", fuzzSplitQueue),
    ("mmio-transport", fuzzTransport),
    ("block-device", fuzzBlock),
    ("vsock-device", fuzzVsock),
    ("vsock-session", fuzzVsockSession),
    ("entropy-device", fuzzEntropy),
    ("console-device", fuzzConsole),
    ("balloon-device", fuzzBalloon),
    ("system-calls", fuzzSystemCalls),
    ("executable", fuzzExecutable),
    ("root-image", fuzzRootImage),
    ("superblock", fuzzSuperblock),
    ("image-record", fuzzImageRecord),
    ("template-header", fuzzTemplateHeader),
    ("saved-machine", fuzzSavedMachine),
    ("json", fuzzJSON),
    ("batch-job", fuzzBatchJob),
    ("batch-lines", fuzzLines),
    ("batch-resume", fuzzResume),
]
private let chosen = Atomic<Int>(0)

/// Names the target for the processes that libFuzzer starts itself (-merge), which get its arguments only.
private let targetVariable = "SWIFTLET_FUZZ_TARGET"

/// Called by libFuzzer before anything else: takes our own argument away from its.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
    let argument = count.pointee > 1 ? arguments.pointee[1].map { String(cString: $0) } : nil
    if argument == "--seeds", count.pointee == 4 {
        let words = (2..<4).map { arguments.pointee[$0].map { String(cString: $0) } ?? "" }
        exit(writeSeeds(of: words[0], into: words[1]))
    }
    if let name = getenv(targetVariable).map({ String(cString: $0) }),
        let index = targets.firstIndex(where: { $0.name == name }), argument != name
    {
        chosen.store(index, ordering: .relaxed)
        return 0
    }
    guard let argument, let index = targets.firstIndex(where: { $0.name == argument }) else {
        print(targets.map(\.name).joined(separator: "\n"))
        exit(argument == "--list" ? 0 : 2)
    }
    chosen.store(index, ordering: .relaxed)
    setenv(targetVariable, argument, 1)
    arguments.pointee[1] = arguments.pointee[0]
    arguments.pointee += 1
    count.pointee -= 1
    return 0
}

private func writeSeeds(of target: String, into directory: String) -> CInt {
    do {
        for (number, seed) in seeds(for: target).enumerated() {
            let file = try OwnedDescriptor.open(
                "\(directory)/seed\(number)", flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
            try file.borrowed.write(all: seed)
        }
        return targets.contains { $0.name == target } ? 0 : 2
    } catch {
        print("\(directory): \(error)")
        return 1
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    targets[chosen.load(ordering: .relaxed)].run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
