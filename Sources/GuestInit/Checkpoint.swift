import JobWire

/// The point at which a machine is saved as a template (docs/templates.md).
///
///     checkpoint · end of the streams · processors offline · store to the platform device
///     restored: clock · random generator · boot_id · processors online · connect · hello · resumed · a new job
///
/// A program that asks stands still, and all of its job with it, from before the first of these until the new job is whole.
struct Checkpoint {
    /// What a restored machine was told, and has made its own.
    struct Restored {
        let nonce: GuestMessage.Nonce
        let clock: Clock
    }

    /// Where programs ask.
    let file: Path
    /// Saves the machine; returns in a restored one. No connection to the host may exist.
    let save: () -> Restored
}
