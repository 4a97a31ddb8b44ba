import Images
import JobRunner
import SystemPackage

/// The guest kernel that a job boots, found and open; for one job or for all of a batch.
struct JobKernel: Sendable {
    /// Why there is none; one line.
    struct Failure: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    let choice: KernelChoice
    let file: KernelFile
    let isLinux: Bool
    /// What Linux unpacks before it starts process 1, in this order: our init, the kernel's modules, the user's own. Empty
    /// for the kernel tiny.
    let initramfs: [KernelFile]

    var path: String { file.path }

    /// - Parameters:
    ///   - own: Paths of the user's own.
    ///   - linuxRefusal: Why this host cannot run a Linux (`LinuxKernel.refusal`); asked only when one is wanted, and before
    ///     anything is said about a kernel that is not built: here nobody should build one.
    init(
        _ choice: KernelChoice, initramfs own: [String] = [], store: ImageStore, linuxRefusal: () -> String?
    ) throws(Failure) {
        self.choice = choice
        var parts: [KernelFile] = []
        switch choice {
        case .tiny:
            file = try Self.open("kernel", OwnFiles.directory + "/swiftlet-kernel")
            isLinux = false
        case .file(let path):
            file = try Self.open("kernel", path)
            do throws(ImageError) { isLinux = try LinuxKernelFile(file.borrowed, path: path) != nil } catch {
                throw Failure(description: error.description)
            }
            if isLinux { try Self.refuse(choice, linuxRefusal()) }
        case .named(let name):
            try Self.refuse(choice, linuxRefusal())
            do throws(ImageError) {
                let kernel = try KernelStore(store).open(name)
                file = kernel.kernel
                if let modules = kernel.initramfs { parts.append(modules) }
            } catch {
                throw Failure(description: error.description)
            }
            isLinux = true
        }
        if isLinux {
            parts.insert(try Self.open("init", OwnFiles.initramfs, hint: "; make build makes it"), at: 0)
        } else if !own.isEmpty {
            throw Failure(description: "--initramfs: only a Linux kernel unpacks one, and \(choice) is none")
        }
        for path in own { parts.append(try Self.open("--initramfs", path)) }
        guard parts.count <= MachineShape.maximumInitramfs else {
            let most = MachineShape.maximumInitramfs - (parts.count - own.count)
            throw Failure(description: "--initramfs: at most \(most) with the kernel \(choice)")
        }
        initramfs = parts
    }

    /// SHA-256 of the kernel's file, from the cache if it has not changed.
    func digest(_ store: ImageStore) throws(ImageError) -> String {
        try store.digest(of: file.borrowed, path: path)
    }

    private static func refuse(_ choice: KernelChoice, _ why: String?) throws(Failure) {
        if let why { throw Failure(description: "--kernel \(choice): \(why)") }
    }

    private static func open(
        _ what: String, _ path: String, hint: String = ""
    ) throws(Failure) -> KernelFile {
        do throws(Errno) { return try KernelFile(opening: path) } catch {
            throw Failure(description: "\(what) \(path): \(error)\(hint)")
        }
    }
}
