import LinuxSystem
public import SystemPackage

/// A file that holds a guest kernel, and which one: ours, or a Linux. The content says it, not the name.
public struct GuestKernelFile: Sendable {
    enum Image: Sendable {
        case tiny(KernelImage)
        case linux(LinuxImage)
    }

    let file: FileDescriptor
    let image: Image

    /// Whether it is loaded by `LoadedLinux`, else by `LoadedTinyKernel`.
    public var isLinux: Bool { if case .linux = image { true } else { false } }

    /// Reads the headers of `file`, which stays the caller's.
    ///
    /// - Throws: `KernelImageError`: it is no kernel, or damaged.
    public init(reading file: FileDescriptor) throws(KernelImageError) {
        self.file = file
        let header: [UInt8]
        let size: UInt64
        do throws(Errno) {
            let status = try file.status()
            guard status.kind == .regular else { throw .invalidArgument }
            size = status.size
            header = try file.read(upTo: ELFFile.headerBytes, at: 0)
        } catch {
            throw .unreadable(error)
        }
        let elf: ELFFile
        do throws(KernelImageError) { elf = try ELFFile(parsing: header, fileBytes: size) } catch {
            guard error == .notELF else { throw error }
            image = .linux(try Self.bzImage(header, fileBytes: size))
            return
        }
        let notes = try Self.notes(of: elf, in: file)
        guard LinuxImage.recognises(elf, notes: notes) else {
            image = .tiny(try KernelImage(elf))
            return
        }
        do throws(LinuxImageError) { image = .linux(try LinuxImage(elf, notes: notes)) } catch {
            throw .linux(error)
        }
    }

    private static func bzImage(
        _ header: [UInt8], fileBytes: UInt64
    ) throws(KernelImageError) -> LinuxImage {
        do throws(LinuxSetupHeaderError) {
            return LinuxImage(try LinuxSetupHeader(parsing: header, fileBytes: fileBytes))
        } catch {
            throw error == .notBzImage ? .notELF : .linux(.setup(error))
        }
    }

    /// What the PT_NOTE segments hold, the first 64 KiB of each.
    private static func notes(
        of elf: ELFFile, in file: FileDescriptor
    ) throws(KernelImageError) -> [UInt8] {
        var notes: [UInt8] = []
        for header in elf.headers where header.isNote {
            guard let offset = Int64(exactly: header.fileOffset) else { continue }
            do throws(Errno) {
                notes += try file.read(
                    upTo: Int(min(header.fileBytes, ElfNotes.maximumBytes)), at: offset)
            } catch {
                throw .unreadable(error)
            }
        }
        return notes
    }
}
