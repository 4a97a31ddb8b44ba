import Glibc
import Images
import JobRunner
import JobWire
import LinuxSystem

/// The result of a job as one JSON object on one line. Times are in microseconds, sizes in bytes unless
/// the name says otherwise; `null` is what is not known.
struct ResultJSON: Sendable {
    let options: RunOptions
    let request: JobRequest
    let imageDigest: String?
    let kernel: JobKernel
    let kernelDigest: String?

    /// One line. - Parameter place: The members before all others, for a result among many.
    func line(of result: JobResult, place: BatchOutput.Place? = nil) -> [UInt8] {
        var json = JSONWriter()
        write(result, place, to: &json)
        return json.bytes
    }

    /// The same, piece by piece: of a large output, nobody holds all of it as JSON.
    func write(_ result: JobResult, to sink: @escaping ([UInt8]) -> Void) {
        var json = JSONWriter(sink: sink)
        write(result, nil, to: &json)
        json.finish()
    }

    private func write(_ result: JobResult, _ place: BatchOutput.Place?, to json: inout JSONWriter) {
        json.object {
            place?.write(to: &$0)
            // Early, where `--resume` finds it.
            $0.number("status", result.verdict.status)
            var generator = SystemRandomNumberGenerator()
            $0.string("id", Self.hexadecimal(generator.next()))
            $0.string("name", options.name)
            $0.object("labels") { labels in
                for (key, value) in options.labels { labels.string(key, value) }
            }
            $0.object("image") {
                $0.string("name", options.image)
                $0.string("digest", imageDigest.map { "sha256:\($0)" })
            }
            $0.object("kernel") {
                $0.string("name", "\(kernel.choice)")
                $0.string("path", kernel.path)
                $0.string("digest", kernelDigest.map { "sha256:\($0)" })
            }
            $0.number("exit_code", result.verdict.exitCode)
            $0.number("signal", result.verdict.signal)
            $0.string("reason", result.verdict.reason.rawValue)
            $0.string("message", result.verdict.message)
            evidence(result, &$0)
            stream(&$0, "stdout", result.standardOutput)
            stream(&$0, "stderr", result.standardError)
            files(result, &$0)
            limits(&$0)
            enforcement(result, &$0)
            usage(result, &$0)
            timing(result, &$0)
            $0.object("unsupported_syscalls") { calls in
                for (number, count) in result.unsupported {
                    calls.number(SystemCallNames.name(number) ?? "\(number)", count)
                }
            }
            missing(result, &$0)
            host(&$0)
            // What the host cannot check: it comes from the guest's kernel.
            $0.array("claimed_by_guest") { claimed in
                for name in [
                    "exit_code", "signal", "usage.user", "usage.sys", "usage.max_rss", "usage.page_faults",
                    "usage.page_table_writes",
                    "usage.system_calls", "usage.processes", "timing.kernel_boot", "timing.exec",
                    "unsupported_syscalls", "unsupported_ioctls", "missing_kernel_files",
                ] { claimed.string(name) }
            }
        }
        json.raw("\n")
    }

    /// Which limit decided, and what was measured; null where none did.
    private func evidence(_ result: JobResult, _ json: inout JSONWriter) {
        guard let evidence = result.verdict.evidence else { return json.string("evidence", nil) }
        json.object("evidence") {
            $0.string("limit", evidence.limit.rawValue)
            $0.number("value", evidence.value)
            $0.number("measured", evidence.measured)
            $0.string("unit", evidence.unit.rawValue)
            $0.string("measured_by", evidence.isGuestsWord ? "guest" : "host")
        }
    }

    /// What else the guest's kernel lacks. A path is shown printable: it is the guest's words.
    private func missing(_ result: JobResult, _ json: inout JSONWriter) {
        json.object("unsupported_ioctls") { requests in
            for (request, count) in result.unsupportedControls {
                requests.number(ControlRequestNames.describe(request), count)
            }
        }
        json.object("missing_kernel_files") { files in
            for (path, count) in result.missingFiles { files.number(printable(path), count) }
        }
    }

    private func stream(_ json: inout JSONWriter, _ name: String, _ stream: StreamResult) {
        json.object(name) {
            $0.number("bytes", stream.deliveredBytes)
            $0.boolean("truncated", stream.isTruncated)
            if let captured = stream.captured {
                $0.key("text")
                let isExact = $0.string(captured)
                // What is not UTF-8 has U+FFFD in its text, which says nothing of the bytes that were there.
                $0.boolean("utf8", isExact)
                if !isExact {
                    $0.key("base64")
                    $0.base64(captured)
                }
            }
            if stream.errno != 0 { $0.number("errno", stream.errno) }
        }
    }

    private func files(_ result: JobResult, _ json: inout JSONWriter) {
        json.array("files_out") { list in
            for file in result.outputFiles {
                list.object {
                    $0.string("guest", String(decoding: file.guestPath, as: UTF8.self))
                    $0.string("host", String(decoding: file.hostPath, as: UTF8.self))
                    $0.number("bytes", file.size)
                    $0.string("problem", file.problem)
                }
            }
        }
    }

    private func limits(_ json: inout JSONWriter) {
        json.object("limits") {
            $0.number("memory", request.memoryBytes)
            $0.number("disk", options.diskBytes)
            $0.number("timeout", request.wallTimeLimitNanoseconds.map { $0 / 1000 })
            $0.number("cpu_time", request.cpuTimeLimitNanoseconds.map { $0 / 1000 })
            $0.number("pids", request.processLimit)
            $0.number("nofile", request.openFiles?.soft)
            $0.number("max_output", request.outputLimitBytes)
        }
    }

    /// By what each limit that this job has is enforced. `host_memory` is the VMM's as a whole, guest memory included.
    private func enforcement(_ result: JobResult, _ json: inout JSONWriter) {
        func entry(_ json: inout JSONWriter, _ name: String, _ value: UInt64?, by enforcer: String) {
            guard let value else { return }
            json.object(name) {
                $0.number("value", value)
                $0.string("enforced_by", enforcer)
            }
        }
        json.object("enforcement") {
            entry(&$0, "memory", request.memoryBytes, by: "guest_memory_size")
            $0.object("host_memory") {
                $0.number("value", result.machineMemory?.bytes)
                $0.string("enforced_by", result.machineMemory?.enforcer.rawValue)
            }
            entry(&$0, "disk", options.diskBytes, by: "disk_size")
            for (device, rates) in [("disk", request.diskRates), ("root", request.rootRates)] {
                entry(&$0, "\(device)_read_bps", rates.readBytes, by: "vmm")
                entry(&$0, "\(device)_write_bps", rates.writeBytes, by: "vmm")
                entry(&$0, "\(device)_read_iops", rates.readOperations, by: "vmm")
                entry(&$0, "\(device)_write_iops", rates.writeOperations, by: "vmm")
            }
            entry(&$0, "stream_bps", request.streamRate, by: "vmm")
            entry(&$0, "timeout", request.wallTimeLimitNanoseconds.map { $0 / 1000 }, by: "launcher")
            entry(&$0, "cpu_time", request.cpuTimeLimitNanoseconds.map { $0 / 1000 }, by: "launcher")
            entry(&$0, "pids", request.processLimit.map(UInt64.init), by: "guest_kernel")
            entry(&$0, "nofile", request.openFiles.map { UInt64($0.soft) }, by: "guest_kernel")
            let isPrepared = result.timeline.isPrepared
            entry(&$0, "max_output", request.outputLimitBytes, by: isPrepared ? "launcher" : "vmm")
        }
    }

    private func usage(_ result: JobResult, _ json: inout JSONWriter) {
        let report = result.report
        json.object("usage") {
            $0.number("wall", Phases(result.timeline).wall)
            $0.number("cpu", result.processorNanoseconds.map { $0 / 1000 })
            $0.number("user", report.map { $0.userNanoseconds / 1000 })
            $0.number("sys", report.map { $0.systemNanoseconds / 1000 })
            $0.number("max_rss", report?.maximumResidentBytes)
            $0.number("page_faults", report?.pageFaults)
            $0.number("system_calls", report?.systemCalls)
            $0.number("processes", report?.processesCreated)
            $0.number("page_table_writes", report?.pageTableWrites)
            $0.object("vm_exits") {
                $0.number("total", Self.counter(result, .exits))
                $0.number("mmio", Self.counter(result, .mmioExits))
                $0.number("port", Self.counter(result, .portExits))
                $0.number("halt", Self.counter(result, .haltExits))
                $0.number("interrupted", Self.counter(result, .interruptedRuns))
            }
            $0.number("queue_notifications", Self.counter(result, .queueNotifications))
            $0.number("interrupts", Self.counter(result, .interruptsRaised))
            $0.object("vmm") { $0.number("max_resident_kib", Self.counter(result, .maximumResidentKiB)) }
        }
    }

    private static func counter(_ result: JobResult, _ id: MachineEvent.CounterID) -> UInt64? {
        result.counters.first { $0.id == id.rawValue }?.value
    }

    private func timing(_ result: JobResult, _ json: inout JSONWriter) {
        json.object("timing") {
            for (name, microseconds) in Phases(result.timeline).all { $0.number(name, microseconds) }
            // Then spawn to kernel_boot came before the job, and are no part of its wall time.
            $0.boolean("prepared", result.timeline.isPrepared)
            // The result is there before teardown, and nobody waits for it.
            $0.number("teardown", nil as UInt64?)
        }
    }

    private func host(_ json: inout JSONWriter) {
        let processor = Processor()
        json.object("host") {
            $0.string("kvm", processor.hasVirtualization ? "hardware" : "ring-deprivileged")
            $0.string("cpu", processor.model)
        }
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// What /proc/cpuinfo says of the first processor.
struct Processor {
    var model: String?
    /// SVM or VMX: /dev/kvm is backed by hardware. Without them it interprets ring 0 (docs/kvm.md §1).
    var hasVirtualization = false

    init() {
        guard let file = try? OwnedDescriptor.open("/proc/cpuinfo", flags: O_RDONLY),
            let bytes = try? file.borrowed.read(upTo: 8192)
        else { return }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let key = parts[0].prefix { $0 != "\t" }
            if key == "model name", model == nil { model = String(parts[1].drop { $0 == " " }) }
            if key == "flags" {
                hasVirtualization = parts[1].split(separator: " ").contains { $0 == "svm" || $0 == "vmx" }
                return
            }
        }
    }
}
