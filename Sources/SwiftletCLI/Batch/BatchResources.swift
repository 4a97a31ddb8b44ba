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
        let path: String
        let file: OwnedDescriptor
        let digest: String

        init(
            path: String, store: ImageStore = .standard(environment: Terminal.environment)
        ) throws(BatchFailure) {
            self.path = path
            do throws(Errno) {
                file = try OwnedDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
                guard try file.borrowed.status().kind == .regular else { throw .invalidArgument }
            } catch {
                throw BatchFailure("kernel \(path): \(error)")
            }
            do throws(ImageError) {
                digest = try store.digest(of: file.borrowed, path: path)
            } catch {
                throw BatchFailure("kernel \(path): \(error.description)")
            }
        }
    }

    private let store = ImageStore.standard(environment: Terminal.environment)
    private var images: [String: Image] = [:]
    private var kernels: [String: Kernel] = [:]
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

    /// - Parameter path: Nil: the one beside the executable.
    func kernel(_ path: String?) throws(BatchFailure) -> Kernel {
        let path = path ?? OwnFiles.directory + "/swiftlet-kernel"
        if let kernel = kernels[path] { return kernel }
        let kernel = try Kernel(path: path, store: store)
        kernels[path] = kernel
        return kernel
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
