import CLinux
import Glibc
import Images
public import LinuxSystem
public import SystemPackage

/// Templates by name:
///
///     HOME/templates/NAME.template   header and memory, replaced by rename only
///     HOME/templates/NAME.verified   which files were last read in full and found right (Attestation)
public struct TemplateStore: Sendable {
    private let directory: String

    /// - Parameter root: `ImageStore.root`.
    public init(root: String) { directory = root + "/templates" }

    private func path(_ name: String) -> String { "\(directory)/\(name).template" }
    private func attestationPath(_ name: String) -> String { "\(directory)/\(name).verified" }
    private static let suffix = ".template"

    /// Sorted.
    public func names() throws(TemplateError) -> [String] {
        do throws(Errno) {
            return try listDirectory(Array(directory.utf8)).compactMap { bytes -> String? in
                guard let name = String(validating: bytes, as: UTF8.self), name.hasSuffix(Self.suffix) else {
                    return nil
                }
                let stem = String(name.dropLast(Self.suffix.count))
                return ImageStore.isValid(name: stem) ? stem : nil
            }.sorted()
        } catch {
            if error == .noSuchFileOrDirectory { return [] }
            throw .system(doing: "listing", path: directory, errno: error)
        }
    }

    public func contains(_ name: String) -> Bool {
        (try? OwnedDescriptor.open(path: Array(path(name).utf8), flags: O_RDONLY)) != nil
    }

    public func remove(_ name: String) throws(TemplateError) {
        guard ImageStore.isValid(name: name) else { throw .badName(name) }
        try? unlinkFile(Array(attestationPath(name).utf8))
        do throws(Errno) {
            try unlinkFile(Array(path(name).utf8))
        } catch {
            if error == .noSuchFileOrDirectory { throw .notFound(name: name, store: directory) }
            throw .system(doing: "removing template", path: path(name), errno: error)
        }
    }

    /// Opens a template and reads its header; the memory is not looked at.
    public func open(_ name: String) throws(TemplateError) -> OpenTemplate {
        guard ImageStore.isValid(name: name) else { throw .badName(name) }
        let path = path(name)
        let file = try openFile(name)
        let status: FileStatus
        let bytes: [UInt8]
        do throws(Errno) {
            status = try file.borrowed.status()
            bytes = status.kind == .regular ? try file.borrowed.read(at: 0, upTo: TemplateHeader.bytes) : []
        } catch {
            throw .system(doing: "reading template", path: path, errno: error)
        }
        guard status.kind == .regular else { throw .foreign(path: path, why: "not a regular file") }
        let header: TemplateHeader
        do throws(TemplateHeaderError) {
            header = try TemplateHeader(parsing: bytes)
        } catch {
            throw TemplateError(error, path: path, fileBytes: status.size)
        }
        guard status.size == header.fileBytes else {
            if status.size < header.fileBytes {
                throw .truncated(path: path, bytes: status.size, expected: header.fileBytes)
            }
            throw .damaged(path: path, what: "\(status.size) bytes instead of \(header.fileBytes)")
        }
        return OpenTemplate(name: name, path: path, header: header, file: file)
    }

    private func openFile(_ name: String) throws(TemplateError) -> OwnedDescriptor {
        do throws(Errno) {
            return try OwnedDescriptor.open(path: Array(path(name).utf8), flags: O_RDONLY | O_NONBLOCK)
        } catch {
            if error == .noSuchFileOrDirectory { throw .notFound(name: name, store: directory) }
            throw .system(doing: "opening template", path: path(name), errno: error)
        }
    }

    /// Whether a template can remember this much; to be asked before its machine is started.
    public static func check(_ header: TemplateHeader) throws(TemplateError) {
        do throws(TemplateHeaderError) {
            _ = try header.encoded()
        } catch {
            throw TemplateError(error, path: header.image, fileBytes: 0)
        }
    }

    /// Keeps `memory`, of which the header says how much it is.
    ///
    /// - Parameters:
    ///   - kernel, machine: What the machine ran with, and their paths.
    public func save(
        _ name: String, _ header: TemplateHeader, memory: FileDescriptor, kernel: TemplatePart,
        machine: TemplatePart
    ) throws(TemplateError) -> TemplateHeader {
        guard ImageStore.isValid(name: name) else { throw .badName(name) }
        var header = header
        header.kernelDigest = try kernel.digest()
        header.machineDigest = try machine.digest()
        let path = path(name)
        try Self.check(header)
        let temporary = "\(directory)/.\(name).\(getpid())"
        do throws(Errno) {
            try makeDirectoryAndParents(Array(directory.utf8))
            let file = try OwnedDescriptor.open(
                path: Array(temporary.utf8), flags: O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            do throws(Errno) {
                try file.borrowed.truncate(to: header.fileBytes)
                let summary = try MemoryImage.copy(
                    memory, count: header.savedBytes, to: file.borrowed, at: TemplateHeader.memoryOffset)
                header.memoryDigest = summary.digest
                header.dataBytes = summary.dataBytes
                // Its texts were checked above, and nothing else of it is refused.
                guard let bytes = try? header.encoded() else { throw .invalidArgument }
                try file.borrowed.write(all: bytes[...], at: 0)
                try file.borrowed.synchronize()
                try rename(Array(temporary.utf8), to: Array(path.utf8))
            } catch {
                try? unlinkFile(Array(temporary.utf8))
                throw error
            }
            try synchronizeDirectory(Array(directory.utf8))
            try attest(name, file.borrowed, kernel, machine)
        } catch {
            throw .system(doing: "saving template", path: path, errno: error)
        }
        return header
    }

    /// Whether the template may be restored here. Reads in full only what has changed since it was last found right.
    public func check(
        _ template: borrowing OpenTemplate, imageDigest: String?, imageBytes: UInt64, kernel: TemplatePart,
        machine: TemplatePart
    ) throws(TemplateError) {
        let header = template.header
        let name = template.name
        let here = ProcessorIdentity()
        guard header.processor == here else {
            throw .differs(
                name: name,
                .processor(
                    saved: header.processor.name(besides: here), here: here.name(besides: header.processor)))
        }
        let virtualization = TemplateHeader.Virtualization(here)
        guard header.virtualization == virtualization else {
            throw .differs(
                name: name, .virtualization(saved: header.virtualization.name, here: virtualization.name))
        }
        guard let imageDigest, TemplateHeader.digest(hexadecimal: imageDigest) == header.imageDigest,
            imageBytes == header.imageBytes
        else { throw .differs(name: name, .image(name: header.image)) }
        do throws(Errno) {
            let now = try attestation(template.file.borrowed, kernel, machine).encoded
            if let seen = try? OwnedDescriptor.open(path: Array(attestationPath(name).utf8), flags: O_RDONLY),
                let bytes = try? seen.borrowed.readAll(atMost: 4096), bytes == now
            {
                return
            }
        } catch {
            throw .system(doing: "looking at template", path: template.path, errno: error)
        }
        guard try kernel.digest() == header.kernelDigest else {
            throw .differs(name: name, .kernel(path: kernel.path))
        }
        guard try machine.digest() == header.machineDigest else {
            throw .differs(name: name, .machine(path: machine.path))
        }
        do throws(Errno) {
            let summary = try MemoryImage.summary(
                of: template.file.borrowed, from: TemplateHeader.memoryOffset, count: header.savedBytes)
            guard summary.digest == header.memoryDigest else { throw .badMessage }
        } catch {
            if error == .badMessage {
                throw .damaged(path: template.path, what: "its memory has another checksum")
            }
            throw .system(doing: "reading template", path: template.path, errno: error)
        }
        // Only for speed: without it the next restore reads everything once more.
        try? attest(name, template.file.borrowed, kernel, machine)
    }

    private func attestation(
        _ file: FileDescriptor, _ kernel: TemplatePart, _ machine: TemplatePart
    ) throws(Errno) -> Attestation {
        Attestation(
            template: try FileIdentity(of: file), kernel: try FileIdentity(of: kernel.file),
            machine: try FileIdentity(of: machine.file))
    }

    private func attest(
        _ name: String, _ file: FileDescriptor, _ kernel: TemplatePart, _ machine: TemplatePart
    ) throws(Errno) {
        try replaceFile(
            Array(attestationPath(name).utf8), with: attestation(file, kernel, machine).encoded, mode: 0o600)
    }
}

/// A file that a template depends on.
public struct TemplatePart: Sendable {
    public let file: FileDescriptor
    public let path: String

    public init(_ file: FileDescriptor, path: String) {
        self.file = file
        self.path = path
    }

    func digest() throws(TemplateError) -> [UInt8] {
        do throws(ImageError) {
            return TemplateHeader.digest(hexadecimal: try Images.digest(of: file, path: path))
        } catch {
            throw .system(doing: "reading", path: path, errno: .ioError)
        }
    }
}

/// A template whose header has been read.
public struct OpenTemplate: ~Copyable, Sendable {
    public let name: String
    public let path: String
    public let header: TemplateHeader
    public let file: OwnedDescriptor
}

extension TemplateError {
    init(_ error: TemplateHeaderError, path: String, fileBytes: UInt64) {
        self =
            switch error {
            case .short: .truncated(path: path, bytes: fileBytes, expected: UInt64(TemplateHeader.bytes))
            case .notOurs: .foreign(path: path, why: "it does not begin like one")
            case .otherFormat(let version): .otherFormat(path: path, version: version)
            case .badChecksum: .damaged(path: path, what: "its header has another checksum")
            case .tooLong(let field, let bytes, let limit):
                .tooLong(field: field.text, bytes: bytes, limit: limit)
            case .badValue(let field): .damaged(path: path, what: "its \(field.text) cannot be")
            }
    }
}

extension TemplateHeader {
    /// From the digest that the image store has.
    public mutating func setImageDigest(hexadecimal text: String) {
        imageDigest = Self.digest(hexadecimal: text)
    }
}
