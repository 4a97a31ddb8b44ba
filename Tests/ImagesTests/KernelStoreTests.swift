import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import Images

/// A store and a recipe of one test. The recipe's kernel is a setup header's magic number in zeros, and its modules a text.
private final class Bench {
    let root = "/tmp/swiftlet-kernel-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    var store: KernelStore { KernelStore(ImageStore(root: root + "/store")) }
    var recipeDirectory: String { root + "/stock" }

    init() throws {
        try makeDirectoryAndParents(recipeDirectory.bytes)
        var kernel = [UInt8](repeating: 0, count: 4096)
        kernel.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        try replaceFile("\(recipeDirectory)/file".bytes, with: kernel)
        try write(needs: "cp=coreutils")
    }

    deinit {
        let rm = Command(arguments: ["/bin/rm", "-rf", "--", root], environment: [], output: 2, log: 2)
        _ = try? rm.run()
    }

    func write(needs: String, inputs: String = "1", initramfs: String = "modules") throws {
        let script = """
            # needs: \(needs)
            recipe=$1
            inputs() { echo \(inputs); }
            tree() { cp "$recipe/file" "$1/kernel"; echo \(initramfs) > "$1/initramfs"; }

            """
        try replaceFile("\(recipeDirectory)/kernel.sh".bytes, with: Array(script.utf8))
    }

    func build(force: Bool = false) throws -> (record: KernelRecord, isNew: Bool) {
        let builder = ImageBuilder(
            store: store.images, environment: { $0 == "PATH" ? "/usr/bin:/bin" : nil }, progress: { _, _ in },
            cancellation: { 0 })
        let recipe = try Recipe.find(recipeDirectory, .kernel, in: "")
        switch try builder.buildKernel(recipe, name: "stock", force: force) {
        case .built(let record): return (record, true)
        case .upToDate(let record): return (record, false)
        }
    }

    func storedFiles() throws -> [String] { try listNames(root + "/store/kernel-files").sorted() }
}

@Suite struct KernelStoreTests {
    @Test("what a recipe made is stored by its content, and opened by name")
    func build() throws {
        let bench = try Bench()
        let (record, isNew) = try bench.build()
        #expect(isNew)
        #expect(try bench.store.names() == ["stock"])
        #expect(try bench.store.record(named: "stock") == record)
        let open = try bench.store.open("stock")
        #expect(try open.kernel.borrowed.readAll(atMost: 8192).count == 4096)
        #expect(try open.initramfs?.borrowed.readAll(atMost: 64) == Array("modules\n".utf8))
        #expect(try digest(of: open.kernel.borrowed, path: open.kernel.path) == record.kernel.digest)
    }

    @Test("a second build is a no-op; one whose inputs have changed is not, and what it replaces is gone")
    func rebuild() throws {
        let bench = try Bench()
        let first = try bench.build().record
        #expect(try bench.build() == (first, false))
        #expect(try bench.build(force: true).isNew)
        try bench.write(needs: "cp=coreutils", inputs: "2", initramfs: "others")
        let second = try bench.build()
        #expect(second.isNew && second.record.initramfs != first.initramfs)
        let expected = [second.record.kernel, second.record.initramfs].compactMap { $0.map { "sha256-\($0.digest)" } }
        #expect(try bench.storedFiles() == expected.sorted())
    }

    @Test("all tools that are missing are named at once, with one line for apt")
    func missingTools() throws {
        let bench = try Bench()
        try bench.write(needs: "no-such-flex=flex cp=coreutils /no/such/gelf.h=libelf-dev")
        let error = #expect(throws: ImageError.self) { try bench.build() }
        #expect(
            error?.description
                == "no-such-flex, /no/such/gelf.h: not found; install what is missing: "
                + "sudo apt-get install flex libelf-dev")
    }

    @Test("HOSTILE 16: a recipe that makes something else than a Linux stores nothing")
    func foreign() throws {
        let bench = try Bench()
        try replaceFile("\(bench.recipeDirectory)/file".bytes, with: Array("text".utf8))
        let error = #expect(throws: ImageError.self) { try bench.build() }
        #expect(error?.description.hasSuffix("neither a Linux vmlinux nor a bzImage") == true)
        #expect(try bench.store.names() == [])
    }

    @Test("a kernel whose file was cut is refused, and a name that is not there says what builds it")
    func damaged() throws {
        let bench = try Bench()
        let kernel = try bench.build().record.kernel
        try replaceFile("\(bench.root)/store/kernel-files/sha256-\(kernel.digest)".bytes, with: [1])
        #expect(throws: ImageError.self) { try bench.store.open("stock") }
        let error = #expect(throws: ImageError.self) { try bench.store.open("none") }
        #expect(error?.description.contains("swiftlet image build-kernel none") == true)
    }

    @Test("a kernel that was removed is gone, and so are its files")
    func remove() throws {
        let bench = try Bench()
        _ = try bench.build()
        try bench.store.remove("stock")
        #expect(try bench.store.names() == [] && bench.storedFiles() == [])
    }

    @Test("a record is read as it was written, and one that is damaged is none")
    func record() throws {
        let bench = try Bench()
        let record = try bench.build().record
        #expect(KernelRecord(text: record.text) == record)
        #expect(KernelRecord(text: record.text.split(separator: "\n").dropFirst().joined(separator: "\n")) == nil)
        let damaged = record.text.replacing("initramfs sha256:", with: "initramfs sha512:")
        #expect(KernelRecord(text: damaged) == nil)
    }
}
