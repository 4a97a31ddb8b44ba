public import SystemPackage

/// Why a template cannot be used, made or found. A sentence each, that says what to do where something can be done.
public enum TemplateError: Error, Equatable, CustomStringConvertible {
    public enum Difference: Equatable, Sendable {
        /// Names of what differs, like `family, model, stepping` or `feature words 3 and 7`.
        case processor(saved: String, here: String)
        case virtualization(saved: String, here: String)
        case image(name: String)
        case kernel(path: String)
        case machine(path: String)
    }

    case badName(String)
    case notFound(name: String, store: String)
    case exists(name: String)
    case truncated(path: String, bytes: UInt64, expected: UInt64)
    /// Not a template at all.
    case foreign(path: String, why: String)
    case otherFormat(path: String, version: UInt32)
    /// It says it is one, and cannot be.
    case damaged(path: String, what: String)
    case differs(name: String, Difference)
    /// What a template has to remember is longer than it has room for.
    case tooLong(field: String, bytes: Int, limit: Int)
    case system(doing: String, path: String, errno: Errno)

    public var description: String {
        switch self {
        case .badName(let name):
            "template \"\(name)\": a name has 1 to 64 letters, digits, '.', '_', '-' and begins with a letter or digit"
        case .notFound(let name, let store):
            "no template \"\(name)\" in \(store); make it: swiftlet template create \(name) -- COMMAND"
        case .exists(let name):
            "template \"\(name)\" is there already; remove it first: swiftlet template rm \(name)"
        case .truncated(let path, let bytes, let expected):
            "template \(path) is truncated: \(bytes) bytes instead of \(expected)"
        case .foreign(let path, let why): "\(path) is not a template: \(why)"
        case .otherFormat(let path, let version):
            "template \(path) has format \(version), and this swiftlet knows \(TemplateHeader.formatVersion): make it again"
        case .damaged(let path, let what): "template \(path) is damaged: \(what): make it again"
        case .differs(let name, let difference): "template \(name): \(difference.sentence): make it again"
        case .tooLong(let field, let bytes, let limit):
            "the \(field) has \(bytes) bytes; a template has room for \(limit)"
        case .system(let doing, let path, let errno): "\(doing) \(path): \(errno)"
        }
    }
}

extension TemplateError.Difference {
    fileprivate var sentence: String {
        switch self {
        case .processor(let saved, let here):
            "it was saved on another processor (\(saved); this one is \(here))"
        case .virtualization(let saved, let here):
            "it was saved on a \(saved) KVM, and this one is \(here)"
        case .image(let name): "image \(name) is not the one it was saved with"
        case .kernel(let path): "the guest kernel \(path) is not the one it was saved with"
        case .machine(let path): "\(path) is of another version than the one it was saved with"
        }
    }
}
