import SystemPackage

/// Why an image cannot be used or made. Each reads as one sentence that says what was tried and what to do.
public enum ImageError: Error, Equatable, CustomStringConvertible {
    case badName(String)
    case notFound(name: String, store: String)
    case kernelNotFound(name: String, store: String)
    case badRecord(path: String)
    /// The file is nothing that starts as a kernel.
    case foreignKernel(path: String)
    /// The file is not an EROFS image we can mount: `why` says what gave it away.
    case foreign(path: String, why: String)
    case truncated(path: String, bytes: UInt64, expected: UInt64)
    case digestMismatch(path: String, found: String, expected: String)
    case recipeNotFound(String)
    case missingTools([String], packages: [String])
    case stepFailed(step: String, status: String, log: String, lastLines: [String])
    case cancelled(step: String)
    case system(doing: String, path: String, errno: Errno)

    public var description: String {
        switch self {
        case .badName(let name):
            "image name \"\(name)\": use lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit"
        case .notFound(let name, let store):
            "image \"\(name)\" is not in \(store); swiftlet image ls, or build it: swiftlet image build \(name)"
        case .kernelNotFound(let name, let store):
            "no kernel \"\(name)\" in \(store); build it: swiftlet image build-kernel \(name); a file is named by a path "
                + "with a slash"
        case .badRecord(let path):
            "\(path): not a record of the store; remove it and build it again"
        case .foreignKernel(let path):
            "\(path): neither a Linux vmlinux nor a bzImage"
        case .foreign(let path, let why):
            "\(path): not an EROFS image with 4 KiB blocks (\(why)); build or import the image again"
        case .truncated(let path, let bytes, let expected):
            "\(path): truncated: \(bytes) bytes where \(expected) are due; build or import the image again"
        case .digestMismatch(let path, let found, let expected):
            "\(path): content changed: its digest is \(found), not \(expected); build or import the image again"
        case .recipeNotFound(let place):
            "no recipe at \(place); name one of images/ or a directory with one (recipe.sh; for a kernel kernel.sh)"
        case .missingTools(let tools, let packages):
            "\(tools.joined(separator: ", ")): not found; install what is missing: sudo apt-get install "
                + packages.joined(separator: " ")
        case .stepFailed(let step, let status, let log, let lastLines):
            "\(step) failed (\(status)); its output is in \(log)"
                + lastLines.map { "\n    " + $0 }.joined()
        case .cancelled(let step):
            "cancelled while \(step)"
        case .system(let doing, let path, let errno):
            "\(doing) \(path): \(errno)"
        }
    }
}

/// Runs `body` and says what was being done, and to what, if the system refused.
func attempting<Result: ~Copyable>(
    _ doing: String, _ path: String, _ body: () throws(Errno) -> Result
) throws(ImageError) -> Result {
    do throws(Errno) {
        return try body()
    } catch {
        throw .system(doing: doing, path: path, errno: error)
    }
}
