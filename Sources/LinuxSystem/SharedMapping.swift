/// A mapping that lives as long as somebody uses it.
public final class SharedMapping: Sendable {
    private let mapping: Mapping

    public init(_ mapping: consuming Mapping) { self.mapping = mapping }

    public var hostAddress: UInt { UInt(bitPattern: mapping.baseAddress) }
}
