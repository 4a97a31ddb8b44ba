import CSwiftletABI
import GuestMemory

/// A Linux that goes on where it was saved: all of it is in memory, and only its boot page is new.
public struct SavedLinux: Sendable {
    let map: PhysicalMap

    public init(map: PhysicalMap) { self.map = map }
}
