/// Which guest kernel a job boots, as `--kernel` says it.
enum KernelChoice: Hashable, CustomStringConvertible {
    /// Ours, beside this executable.
    case tiny
    /// One that `swiftlet image build-kernel` has stored: a Linux.
    case named(String)
    /// A file: ours, or a Linux.
    case file(String)

    /// As with images, what has a slash is a path and everything else a name.
    init(_ text: String) {
        if text == "tiny" {
            self = .tiny
        } else if text.contains("/") {
            self = .file(text)
        } else {
            self = .named(text)
        }
    }

    var description: String {
        switch self {
        case .tiny: "tiny"
        case .named(let text), .file(let text): text
        }
    }
}
