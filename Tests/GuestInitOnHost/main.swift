import CStart
import GuestInit

// guest-init-on-host CONTROL OUTPUT ERROR INPUT: the job session of a Linux guest's process 1, over these descriptors.
GuestInitOnHost.run(descriptors: (1...4).map { Int(String(cString: start_argument($0))) ?? -1 })
