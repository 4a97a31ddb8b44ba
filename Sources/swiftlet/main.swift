import Glibc
import SwiftletCLI

exit(SwiftletCLI.main())
