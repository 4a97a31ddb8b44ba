import JobWire
import KernelFile

/// Inputs to begin with, for targets whose format chance alone would not find. The rest begins with nothing.
func seeds(for target: String) -> [[UInt8]] {
    switch target {
    case "guest-frames": [[63] + guestFrames, [0] + guestFrames]
    case "host-frames": [[63] + hostFrames, [0] + hostFrames]
    case "machine-events": machineEvents.map { $0.encoded() }
    case "report": reportSeeds
    // The headers, and how large the whole file is.
    case "kernel-image": [[0, 0x31] + KernelFile().encoded().prefix(400)]
    case "linux-load": [[0] + BzImage().encoded().prefix(700), [1] + LinuxFile().encoded().prefix(400)]
    case "superblock": [superblock]
    case "template-header": templateHeaderSeeds()
    case "saved-machine": savedMachineSeeds()
    case "image-record": [Array(recordText.utf8), Array("python-3.12".utf8)]
    case "json", "batch-job": jobLines.map { Array($0.utf8) }
    case "batch-lines":
        [[9] + Array("line one\n".utf8) + [4] + Array("two\n".utf8) + [3] + Array(" \n3".utf8)]
    case "batch-resume": [Array(results.utf8)]
    case "vsock-device": [vsockDeviceSeed]
    case "vsock-session": vsockSessions
    default: []
    }
}

private var guestFrames: [UInt8] {
    let nonce = GuestMessage.Nonce(low: 1, high: 2)
    var bytes: [UInt8] = []
    let messages: [GuestMessage] = [
        .hello(version: 1, nonce: nonce, sinceEntryNanoseconds: 3), .started(sinceEntryNanoseconds: 4),
        .unsupported(systemCall: 5, count: 6), .unsupportedControl(request: 7, count: 8),
        .missingFile(path: Array("/proc/x".utf8), count: 9),
        .resumed(.init(isReseeded: true, isClockStepped: true, isIdentityNew: true, wallClock: 1)),
        .checkpoint(.program),
        .exited(.init(nonce: nonce, kind: .exited, code: 0)), .outputFile(index: 0, mode: 0o644, size: 3),
    ]
    for message in messages { message.encode(to: &bytes) }
    bytes += [3, 0, 0, 0, 7, 0, 0, 0, 1, 2, 3]  // a data frame
    GuestMessage.outputMissing(index: 1, errno: 2).encode(to: &bytes)
    GuestMessage.finished.encode(to: &bytes)
    GuestMessage.failed(stage: .exec, errno: 2, about: Array("sh".utf8)).encode(to: &bytes)
    return bytes
}

private var hostFrames: [UInt8] {
    let path = Array("/job/a".utf8)
    var bytes: [UInt8] = []
    let messages: [HostMessage] = [
        .begin(.init(isInputConnected: true, isTerminal: true, user: 1, group: 2, maximumProcesses: 3)),
        .windowSize(.init(rows: 24, columns: 80)), .argument(Array("sh".utf8)),
        .environment(Array("A=b".utf8)),
        .workingDirectory(path), .directory(mode: 0o755, path: path), .symlink(target: [46], path: path),
        .output(index: 0, path: path), .file(mode: 0o644, size: 3, path: path),
    ]
    for message in messages { message.encode(to: &bytes) }
    bytes += [3, 0, 0, 0, 7, 0, 0, 0, 1, 2, 3]
    HostMessage.start.encode(to: &bytes)
    return bytes
}

private var machineEvents: [MachineEvent] {
    [
        .phase(.guestEntered, monotonicNanoseconds: 1), .log(Array("hello".utf8)),
        .streamClosed(port: 1026, passed: 1, dropped: 2, errno: 3), .limitReached(port: 1027),
        .ended(cause: .guestPanic, message: Array("why".utf8)),
        .counters([.init(.exits, 1), .init(.mmioExits, 2)]),
    ]
}

/// Kinds and fields as `encodeReportPart` reads them.
private var reportSeeds: [[UInt8]] {
    [
        [0x11, 0, 1, 3, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 1, 3, 10, 3, 65, 66, 67, 9],
        [0x12, 0, 1, 4, 1, 0, 0, 0, 1, 3, 0, 1, 0, 0, 8, 0, 2, 8, 1, 2, 9],
        [0x00, 0, 2, 1, 2, 2, 115, 104],
    ]
}

private var superblock: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 3072)
    bytes.replaceSubrange(0..<4, with: [0xE2, 0xE1, 0xF5, 0xE0])
    bytes[12] = 12  // blocks of 4096 bytes
    bytes[36] = 1
    return bytes
}

private var recordText: String {
    let digest = String(repeating: "0123456789abcdef", count: 4)
    return "digest sha256:\(digest)\nbytes 4096\nrecipe \(digest)\ncreated 1700000000\nsource recipe base\n"
}

private var jobLines: [String] {
    [
        #"{"command": ["sh", "-c"], "image": "python", "timeout": "10s", "in": ["a:b"], "stdin": "1\n"}"#,
        #"{"command": ["a"], "env": {"A": "b", "C": 1}, "label": {"k": "v"}, "memory": "64M", "disk": "1G"}"#,
        #"{"command": ["\u00e9\ud83d\ude00"], "out": ["a:b/", "c:d"], "max_output": 1e3, "quiet": true}"#,
        #"{"cpu-time": "500ms", "pids": 5, "workdir": "/tmp", "net": "none", "command": ["b", ""]}"#,
        #"{"kernel": "tiny", "user": "1:2", "command": ["c"]}"#,
        #"[null, true, false, -0.5e+2, [], {}, "\"\\\/\b\f\n\r\t"]"#,
    ]
}

private var results: String {
    #"{"line":1,"job":"0123456789abcdef","exit_code":0}"# + "\n" + #"{"line":2,"job":"00000000000000ff","x":1}"#
        + "\n{\"li"
}

/// A guest with sixteen receive buffers at 0x6000 that asks for port 1026 (Devices.swift has the format).
private var vsockDeviceSeed: [UInt8] {
    var bytes: [UInt8] = [0, 16]
    for _ in 0..<16 { bytes += [0, 0x60, 0, 0x10, 2, 0] }
    bytes += [1, 0, 0x40, 44, 0, 0, 0] + [UInt8](repeating: 0, count: 15 * 6 + 1 + 16 * 6)
    bytes += [3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 136, 19, 0, 0, 2, 4, 0, 0, 0, 0, 0, 0]
    bytes += [1, 0, 1, 0]
    return bytes + [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
}

/// Steps as `VsockSession` reads them: standard streams and a socket with bytes both ways and their ends, a limit, a host
/// program that connects, a guest that connects to one.
private var vsockSessions: [[UInt8]] {
    let offer: [UInt8] = [4, 7] + [UInt8](repeating: 200, count: 8)
    func packet(_ operation: UInt8, from guest: UInt8 = 0, to host: UInt8, flags: UInt8 = 0) -> [UInt8] {
        [0, operation | 5 << 3, 0, guest, host, flags]
    }
    func data(_ count: UInt16, from guest: UInt8 = 0, to host: UInt8) -> [UInt8] {
        [0, 5 | 5 << 3 | 0x40, UInt8(count & 0xFF), UInt8(count >> 8)]
            + [UInt8](repeating: 0x61, count: Int(count)) + [guest, host, 0]
    }
    func hostWrites(_ end: UInt8) -> [UInt8] { [5, end, 5, 0] + Array("hello".utf8) }
    func hostReads(_ end: UInt8) -> [UInt8] { [6, end] }
    let input = offer + packet(1, to: 0) + hostWrites(0) + [7, 0] + packet(6, to: 0)
        + packet(4, to: 0, flags: 3)
    let output = offer + packet(1, to: 1) + data(600, to: 1) + hostReads(1) + data(600, to: 1) + hostReads(1)
        + packet(4, to: 1, flags: 3) + hostReads(1)
    let both = offer + packet(1, to: 2) + hostWrites(2) + data(100, to: 2) + hostReads(2) + packet(7, to: 2)
        + packet(4, to: 2, flags: 2) + hostWrites(2) + offer + [7, 2] + packet(3, to: 2)
    let program = offer + [8, 1, 0] + packet(2, from: 3, to: 5) + hostReads(3) + hostWrites(3)
        + data(50, from: 3, to: 5) + hostReads(3) + packet(4, from: 3, to: 5, flags: 3)
    let service = offer + packet(1, from: 1, to: 3) + [9] + data(50, from: 1, to: 3) + hostReads(3)
        + hostWrites(3) + [7, 3] + data(9, from: 1, to: 3)
    return [input, output, both, program, service]
}
