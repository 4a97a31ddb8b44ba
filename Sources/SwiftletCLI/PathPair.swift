/// The values of `--in SRC[:DST]` and `--out GUEST[:HOST]`.
///
/// The value is split at its **last** colon. A name that has a colon itself is therefore written with the other part:
/// `--in a:b.txt:/job/b.txt`.
enum PathPair {
    /// - Returns: The path on the host, and the absolute path in the guest.
    static func input(
        _ text: String, workingDirectory: String
    ) throws(UsageError) -> (host: String, guest: String) {
        let (source, destination) = try split(text)
        // A destination that ends in a slash is a directory to put it into, as for cp.
        guard let destination, !destination.hasSuffix("/") else {
            let name = try lastComponent(source)
            return (source, absolute((destination ?? "") + name, workingDirectory))
        }
        return (source, absolute(destination, workingDirectory))
    }

    /// - Parameter isDirectory: Whether a host path is a directory: the file goes into it under its own name.
    static func output(
        _ text: String, workingDirectory: String, isDirectory: (String) -> Bool
    ) throws(UsageError) -> (guest: String, host: String) {
        let (source, destination) = try split(text)
        let name = try lastComponent(source)
        var host = destination ?? name
        if host.hasSuffix("/") || isDirectory(host) { host += (host.hasSuffix("/") ? "" : "/") + name }
        return (absolute(source, workingDirectory), host)
    }

    private static func split(_ text: String) throws(UsageError) -> (String, String?) {
        guard let colon = text.lastIndex(of: ":") else {
            if text.isEmpty { throw UsageError("the value is empty") }
            return (text, nil)
        }
        let (left, right) = (String(text[..<colon]), String(text[text.index(after: colon)...]))
        if left.isEmpty || right.isEmpty {
            throw UsageError("\"\(text)\": a path is missing beside the colon")
        }
        return (left, right)
    }

    private static func lastComponent(_ path: String) throws(UsageError) -> String {
        guard let name = path.split(separator: "/").last, name != ".", name != ".." else {
            throw UsageError("\"\(path)\" has no file name; say where it is to go: \(path):PATH")
        }
        return String(name)
    }

    private static func absolute(_ path: String, _ workingDirectory: String) -> String {
        if path.hasPrefix("/") { return path }
        return workingDirectory + (workingDirectory.hasSuffix("/") ? "" : "/") + path
    }
}
