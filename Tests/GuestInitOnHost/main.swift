import CStart
import GuestInit

// guest-init-on-host CONTROL OUTPUT ERROR INPUT, twice, CHECKPOINT: the job session of a Linux guest's process 1, over
// these descriptors, and over the last four in the machine that is restored from its template.
GuestInitOnHost.run(
    descriptors: (1...8).map { Int(String(cString: start_argument($0))) ?? -1 },
    checkpoint: Array(String(cString: start_argument(9)).utf8))
