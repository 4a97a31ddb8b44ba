import Glibc
import LinuxSystem
import SystemPackage

/// How to make an image or a guest kernel: a directory with `recipe.sh`, read as images/base/recipe.sh explains, or with
/// `kernel.sh` (images/linux/kernel.sh).
public struct Recipe: Sendable {
    public enum Kind: Sendable {
        case image
        case kernel

        /// The file that makes a directory a recipe.
        var script: String {
            switch self {
            case .image: "recipe.sh"
            case .kernel: "kernel.sh"
            }
        }
    }

    public let kind: Kind
    /// The directory.
    public let path: String
    /// Last component of the path: the name of what it makes unless the caller names another.
    public let name: String
    /// From the line `# description: …`.
    public let description: String
    /// Commands the recipe calls and the Debian package of each, from lines `# needs: command=package …`.
    let needs: [(tool: String, package: String)]

    /// What besides a recipe decides how an image comes out. Raised when `ImageBuilder` writes images differently.
    static let formatVersion = "swiftlet image format 1"

    /// Finds the recipe called `reference`: a directory if it has a slash, else the one of that name in `directory`.
    public static func find(
        _ reference: String, _ kind: Kind = .image, in directory: String
    ) throws(ImageError) -> Recipe {
        let path = reference.contains("/") ? reference : "\(directory)/\(reference)"
        let script: [UInt8]
        do throws(Errno) {
            let file = try OwnedDescriptor.open(path: "\(path)/\(kind.script)".bytes, flags: O_RDONLY)
            script = try file.borrowed.readAll(atMost: 1 << 20)
        } catch {
            throw .recipeNotFound(path)
        }
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        guard ImageStore.isValid(name: name) else { throw .badName(name) }
        return Recipe(kind: kind, path: path, name: name, script: String(decoding: script, as: UTF8.self))
    }

    private init(kind: Kind, path: String, name: String, script: String) {
        self.kind = kind
        self.path = path
        self.name = name
        func values(_ key: String) -> [Substring] {
            script.split(separator: "\n").filter { $0.hasPrefix("# \(key): ") }.map {
                $0.dropFirst(key.count + 4)
            }
        }
        description = values("description").first.map(String.init) ?? ""
        needs = values("needs").flatMap { $0.split(separator: " ") }.compactMap { word in
            let parts = word.split(separator: "=", maxSplits: 1)
            guard let tool = parts.first, let package = parts.last else { return nil }
            return (String(tool), String(package))
        }
    }

    /// SHA-256 over everything in the recipe's directory and over `inputs`, what its function of that name printed.
    func fingerprint(inputs: [UInt8]) throws(ImageError) -> String {
        var hash = SHA256()
        hash.update(Array(Self.formatVersion.utf8))
        do throws(Errno) {
            try Self.update(&hash, directory: path.bytes)
        } catch {
            throw .system(doing: "reading", path: path, errno: error)
        }
        hash.update(inputs)
        return hash.hexadecimalDigest()
    }

    private static func update(_ hash: inout SHA256, directory: [UInt8]) throws(Errno) {
        func entries(of directory: [UInt8]) throws(Errno) -> [(name: [UInt8], path: [UInt8])] {
            try listDirectory(directory).reversed().map { ($0, directory + [UInt8(ascii: "/")] + $0) }
        }
        // A directory's content comes before what stands behind it; the next is last in the array.
        var pending = try entries(of: directory)
        while let (name, path) = pending.popLast() {
            let status = try PathStatus(of: path, followingLinks: true)
            // Name, mode and size say where one file's content ends, so that no two directories hash alike.
            hash.update(name + Array("\0\(status.mode) \(status.size)\0".utf8))
            if status.kind == .directory {
                pending += try entries(of: path)
            } else {
                let file = try OwnedDescriptor.open(path: path, flags: O_RDONLY)
                hash.update(try file.borrowed.readAll(atMost: 64 << 20))
            }
        }
    }
}
