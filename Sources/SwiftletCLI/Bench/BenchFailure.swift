/// Why a bench cannot go on; one line for the user.
struct BenchFailure: Error, Equatable {
    let text: String
    init(_ text: String) { self.text = text }
}
