import Glibc
import Images
import LinuxSystem
import SystemPackage
import Testing

@testable import Templates

/// A store of one test, with a template of 16 MiB in it, of which two pages are not zero.
private final class Bench {
    let root = "/tmp/swiftlet-template-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    let store: TemplateStore
    let kernel, machine, memory: OwnedDescriptor
    let image = String(repeating: "5", count: 64)
    let firstPage = TemplateHeader.memoryOffset + 7 * 4096

    init(changing change: (inout TemplateHeader) -> Void = { _ in }) throws {
        store = TemplateStore(root: root)
        kernel = try Self.file("a kernel")
        machine = try Self.file("a machine")
        memory = try OwnedDescriptor.memoryFile(name: "memory", size: 16 << 20)
        try memory.borrowed.write(all: Array("seven".utf8)[...], at: 7 * 4096)
        try memory.borrowed.write(all: Array("last".utf8)[...], at: 16 << 20 - 4)
        var header = TemplateHeader(
            kind: .kernel, memoryBytes: 16 << 20, imageBytes: 1000, created: 1,
            processor: ProcessorIdentity(), image: "base", workingDirectory: "/job", command: [])
        header.setImageDigest(hexadecimal: image)
        change(&header)
        let saved = try store.save(
            "t", header, memory: memory.borrowed, kernel: TemplatePart(kernel.borrowed, path: "kernel"),
            machine: TemplatePart(machine.borrowed, path: "machine"))
        #expect(saved.dataBytes == 2 * 4096)
    }

    deinit {
        for name in (try? listDirectory(Array("\(root)/templates".utf8))) ?? [] {
            try? unlinkFile(Array("\(root)/templates/".utf8) + name)
        }
        try? removeEmptyDirectory(Array("\(root)/templates".utf8))
        try? removeEmptyDirectory(Array(root.utf8))
    }

    private static func file(_ text: String) throws -> OwnedDescriptor {
        let file = try OwnedDescriptor.memoryFile(name: "part")
        try file.borrowed.write(all: Array(text.utf8))
        return file
    }

    func check(image: String? = nil, imageBytes: UInt64 = 1000) throws(TemplateError) {
        try store.check(
            try store.open("t"), imageDigest: image ?? self.image, imageBytes: imageBytes,
            kernel: TemplatePart(kernel.borrowed, path: "kernel"),
            machine: TemplatePart(machine.borrowed, path: "machine"))
    }

    func content(of path: String) throws -> [UInt8] {
        let file = try OwnedDescriptor.open(path, flags: O_RDONLY)
        return try file.borrowed.readAll(atMost: 4096)
    }

    /// Writes into the template's file, as somebody with the right to do so might.
    func overwrite(_ bytes: [UInt8], at offset: UInt64) throws {
        let file = try OwnedDescriptor.open("\(root)/templates/t.template", flags: O_RDWR)
        try file.borrowed.write(all: bytes[...], at: offset)
    }
}

@Suite struct TemplateStoreTests {
    @Test("what was saved is opened again, and its memory is where the header says, byte for byte")
    func saved() throws {
        let bench = try Bench()
        try bench.check()
        #expect(try bench.store.names() == ["t"])
        let template = try bench.store.open("t")
        #expect(template.header.memoryBytes == 16 << 20)
        let memory = try template.file.borrowed.read(at: TemplateHeader.memoryOffset, upTo: 16 << 20)
        #expect(try memory == bench.memory.borrowed.read(at: 0, upTo: 16 << 20))
    }

    @Test("zero pages take no room in the file")
    func sparse() throws {
        let bench = try Bench()
        let template = try bench.store.open("t")
        var status = stat()
        #expect(fstat(template.file.borrowed.rawValue, &status) == 0)
        #expect(status.st_blocks * 512 < 1 << 20)
    }

    @Test("HOSTILE 17: one changed byte of memory is found, also in a page that was zero")
    func changedMemory() throws {
        for offset in [0, 9 * 4096 as UInt64] {
            let bench = try Bench()
            try bench.overwrite([0x58], at: bench.firstPage + offset)
            #expect {
                try bench.check()
            } throws: { error in
                "\(error)".contains("its memory has another checksum")
            }
        }
    }

    @Test("HOSTILE 17: pages that change places are found")
    func movedPages() throws {
        let bench = try Bench()
        let template = try bench.store.open("t")
        let page = try template.file.borrowed.read(at: bench.firstPage, upTo: 4096)
        try bench.overwrite([UInt8](repeating: 0, count: 4096), at: bench.firstPage)
        try bench.overwrite(page, at: bench.firstPage + 4096)
        #expect(throws: TemplateError.self) { try bench.check() }
    }

    @Test("the kind of processor, of KVM, the image, kernel and machine must be the saved ones")
    func differences() throws {
        var words = ProcessorIdentity().words
        words[3] ^= 0x10
        let otherModel = ProcessorIdentity(words: words)
        words = ProcessorIdentity().words
        words[6] ^= 1 << 5
        let otherFeatures = ProcessorIdentity(words: words)
        func said(_ bench: Bench, _ what: String, image: String? = nil, imageBytes: UInt64 = 1000) {
            #expect {
                try bench.check(image: image, imageBytes: imageBytes)
            } throws: { error in
                "\(error)".contains(what)
            }
        }
        said(try Bench { $0.processor = otherModel }, "another processor (\(otherModel.name)")
        said(try Bench { $0.processor = otherFeatures }, "word 6 0x")
        let here = TemplateHeader.Virtualization(ProcessorIdentity())
        said(
            try Bench { $0.virtualization = here == .hardware ? .deprivileged : .hardware },
            "and this one is \(here.name)")
        said(try Bench(), "image base is not", image: String(repeating: "6", count: 64))
        said(try Bench(), "image base is not", imageBytes: 999)
        let kernel = try Bench()
        try kernel.kernel.borrowed.write(all: [1])
        said(kernel, "kernel kernel is not")
        let machine = try Bench()
        try machine.machine.borrowed.write(all: [1])
        said(machine, "machine is of another version")
    }

    @Test("what was found right once is read again only when it has changed")
    func attestation() throws {
        let bench = try Bench()
        let seen = "\(bench.root)/templates/t.verified"
        let before = try bench.content(of: seen)
        // The same bytes once more: another time of change, so all is read, and the new time is kept.
        try bench.overwrite(Array("seven".utf8), at: bench.firstPage)
        try bench.check()
        let after = try bench.content(of: seen)
        #expect(before != after)
    }

    @Test("a name is one path component and nothing else", arguments: ["", "..", "a/b", ".t", "t\0", "-t"])
    func names(name: String) {
        let store = TemplateStore(root: "/nonexistent")
        #expect(throws: TemplateError.badName(name)) { _ = try store.open(name) }
        #expect(throws: TemplateError.badName(name)) { try store.remove(name) }
    }
}
