import Glibc
import Images
import JobRunner
import LinuxSystem
import SystemPackage
import Templates

/// What jobs of a batch share: images and kernels, opened once each. One image more costs one descriptor.
final class BatchResources {
    final class Image {
        let image: OpenImage
        init(_ image: consuming OpenImage) { self.image = image }
    }

    final class Kernel {
        let kernel: JobKernel
        let digest: String
        var path: String { kernel.path }
        var file: KernelFile { kernel.file }

        init(_ kernel: JobKernel, digest: String) {
            self.kernel = kernel
            self.digest = digest
        }
    }

    private struct KernelKey: Hashable {
        let choice: KernelChoice
        let initramfs: [String]
    }

    private let store = ImageStore.standard(environment: Terminal.environment)
    private var images: [String: Image] = [:]
    private var kernels: [KernelKey: Kernel] = [:]
    /// One trial for all jobs that ask for Linux.
    private lazy var linuxRefusal = LinuxKernel.refusal(LinuxKernel.ringZero())
    private var templates: [String: RestoredTemplate] = [:]
    /// Those whose file, image and kernel were found to belong together.
    private var checked: Set<String> = []

    func template(_ name: String) throws(BatchFailure) -> RestoredTemplate {
        if let template = templates[name] { return template }
        do throws(TemplateError) {
            let template = try RestoredTemplate(name)
            templates[name] = template
            return template
        } catch {
            throw BatchFailure(error.description)
        }
    }

    func check(_ template: RestoredTemplate, _ image: Image, _ kernel: Kernel) throws(BatchFailure) {
        if checked.contains(template.template.name) { return }
        do throws(TemplateError) {
            try template.check(image.image, kernel: TemplatePart(kernel.file.borrowed, path: kernel.path))
        } catch {
            throw BatchFailure(error.description)
        }
        checked.insert(template.template.name)
    }

    func image(_ name: String) throws(BatchFailure) -> Image {
        if let image = images[name] { return image }
        do throws(ImageError) {
            let image = Image(try store.open(name))
            images[name] = image
            return image
        } catch {
            throw BatchFailure(error.description)
        }
    }

    func kernel(_ choice: KernelChoice, initramfs: [String] = []) throws(BatchFailure) -> Kernel {
        let key = KernelKey(choice: choice, initramfs: initramfs)
        if let kernel = kernels[key] { return kernel }
        let found: JobKernel
        do throws(JobKernel.Failure) {
            found = try JobKernel(choice, initramfs: initramfs, store: store) { linuxRefusal }
        } catch {
            throw BatchFailure(error.description)
        }
        do throws(ImageError) {
            let kernel = Kernel(found, digest: try found.digest(store))
            kernels[key] = kernel
            return kernel
        } catch {
            throw BatchFailure("kernel \(found.path): \(error.description)")
        }
    }

    /// MemAvailable of /proc/meminfo, in bytes; all memory where that cannot be read.
    static func availableMemory(otherwise total: UInt64) -> UInt64 {
        guard let file = try? OwnedDescriptor.open("/proc/meminfo", flags: O_RDONLY),
            let bytes = try? file.borrowed.readAll(atMost: 64 * 1024)
        else { return total }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        where line.hasPrefix("MemAvailable:") {
            let words = line.split(separator: " ")
            if words.count > 1, let kibibytes = UInt64(words[1]) { return kibibytes << 10 }
        }
        return total
    }
}
