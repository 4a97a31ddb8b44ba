// fuzz TARGET [libFuzzer options], fuzz --list: feeds one parser that a guest or a user's file can reach. A target fails
// by trapping. Built only with SWIFTLET_FUZZ in the environment and `--sanitize fuzzer` (Tests/fuzz/run does both); `main`
// is libFuzzer's.
import Glibc
import Synchronization

private let targets: [(name: String, run: @Sendable ([UInt8]) -> Void)] = [
    ("guest-frames", fuzzGuestFrames),
    ("host-frames", fuzzHostFrames),
    ("machine-events", fuzzMachineEvents),
    ("kernel-image", fuzzKernelImage),
    ("split-queue", fuzzSplitQueue),
    ("mmio-transport", fuzzTransport),
    ("block-device", fuzzBlock),
    ("vsock-device", fuzzVsock),
    ("entropy-device", fuzzEntropy),
    ("console-device", fuzzConsole),
]
private let chosen = Atomic<Int>(0)

/// Called by libFuzzer before anything else: takes our own argument away from its.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
    let argument = count.pointee > 1 ? arguments.pointee[1].map { String(cString: $0) } : nil
    guard let index = targets.firstIndex(where: { $0.name == argument }) else {
        print(targets.map(\.name).joined(separator: "\n"))
        exit(argument == "--list" ? 0 : 2)
    }
    chosen.store(index, ordering: .relaxed)
    arguments.pointee[1] = arguments.pointee[0]
    arguments.pointee += 1
    count.pointee -= 1
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    targets[chosen.load(ordering: .relaxed)].run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
