public import SystemPackage

/// The process could not lock itself in. It must not go on.
public struct JailError: Error, Equatable, CustomStringConvertible {
    /// What was tried, in the words of `Jail.steps`.
    public let step: String
    public let error: Errno

    public var description: String { "jail: \(step): \(error)" }
}
