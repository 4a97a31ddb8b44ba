import Boot
import GuestMemory
import KernelFile

/// A kernel file's first page, with its size claimed by the first two bytes.
func fuzzKernelImage(_ input: [UInt8]) {
    guard input.count > 2 else { return }
    let size = UInt64(input[0]) << 16 | UInt64(input[1]) << 8
    let header = Array(input.dropFirst(2).prefix(KernelImage.headerBytes))
    if let image = try? KernelImage(parsing: header, fileBytes: size) {
        for segment in image.segments {
            precondition(
                segment.fileOffset + segment.fileBytes <= size, "a segment behind the end of the file")
        }
    }
}

/// A whole kernel file, loaded: a good one in which the input changes one field after another.
///
///     input: | changes: what 1 B, which segment 1 B, value | …
func fuzzKernelLoad(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    var kernel = KernelFile()
    let reserved = input.below(64)
    let length = input.flag() ? Int(input.integer(UInt16.self)) : KernelFile.bytes
    while !input.isEmpty { change(&kernel, &input) }
    let contents = Array(kernel.encoded().prefix(length))
    let memoryBytes = PhysicalMap.minimumMemory
    do {
        let memory = try GuestMemory(size: memoryBytes)
        let map = try PhysicalMap(memoryBytes: memoryBytes, rootImageBytes: 5 << 20)
        let opened = try file(contents)
        let loaded = try LoadedTinyKernel(
            loading: GuestKernelFile(reading: opened.borrowed), into: memory, map: map,
            reservedPages: reserved)
        precondition(loaded.freeStart <= memoryBytes, "more was loaded than there is RAM")
        precondition(loaded.reserved + UInt64(reserved) * 4096 <= loaded.freeStart, "reserved pages overlap")
    } catch is KernelImageError {
    } catch {
        preconditionFailure("the host's part failed: \(error)")
    }
}

/// A Linux, loaded: the first bytes of a good bzImage (first byte even) or vmlinux (odd) are the input's.
func fuzzLinuxLoad(_ input: [UInt8]) {
    guard let first = input.first else { return }
    var contents = first & 1 == 0 ? BzImage().encoded() : LinuxFile().encoded()
    let start = input.dropFirst().prefix(contents.count)
    contents.replaceSubrange(0..<start.count, with: start)
    do {
        let memory = try GuestMemory(size: 64 << 20)
        let map = try PhysicalMap(memoryBytes: 64 << 20, rootImageBytes: nil)
        let opened = try file(contents)
        let kernel = try GuestKernelFile(reading: opened.borrowed)
        guard kernel.isLinux else { return }
        _ = try LoadedLinux(
            loading: kernel, into: memory, map: map,
            .init(processors: 1, devices: [], initramfs: [opened.borrowed], commandLine: ""))
    } catch is KernelImageError {
    } catch {
        preconditionFailure("the host's part failed: \(error)")
    }
}

private func change(_ kernel: inout KernelFile, _ input: inout FuzzInput) {
    let what = input.byte() % 12
    let index = input.below(max(1, kernel.segments.count))
    let value = input.number()
    switch what {
    case 0: kernel.entry = value
    case 1: kernel.headersAt = value
    case 2: kernel.headerCount = UInt16(truncatingIfNeeded: value)
    case 3 where kernel.segments.count < 40: kernel.segments.append(kernel.segments[index])
    case 4 where kernel.segments.count > 1: kernel.segments.remove(at: index)
    case 5: kernel.segments[index].type = UInt32(truncatingIfNeeded: value)
    case 6: kernel.segments[index].flags = UInt32(truncatingIfNeeded: value)
    case 7: kernel.segments[index].offset = value
    case 8: kernel.segments[index].virtual = value << 12
    case 9: kernel.segments[index].physical = value << 12
    case 10: kernel.segments[index].fileBytes = value
    default: kernel.segments[index].memoryBytes = value
    }
}
