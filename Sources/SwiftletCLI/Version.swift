/// Which swiftlet this is: what `swiftlet --version` says, and the only place that says it.
///
/// No commit: a build that compiles one in compiles and links anew for each.
enum Version {
    static let number = "0.6.0"
}
