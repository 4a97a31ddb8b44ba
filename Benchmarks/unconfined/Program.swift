import Glibc
import SwiftletCLI

/// `swiftlet` whose `run` gives the VMM no jail: never for a job that is not trusted. Exists to be timed against the real one.
@main
enum Program {
    static func main() { exit(SwiftletCLI.main(isConfined: false)) }
}
