/// The names of ioctl(2) requests that programs are likely to try on files, devices, terminals and sockets.
enum ControlRequestNames {
    private static let names: [UInt32: String] = [
        0x5401: "TCGETS", 0x5402: "TCSETS", 0x540E: "TIOCSCTTY", 0x540F: "TIOCGPGRP", 0x5410: "TIOCSPGRP",
        0x5413: "TIOCGWINSZ", 0x5414: "TIOCSWINSZ", 0x541B: "FIONREAD", 0x5422: "TIOCNOTTY",
        0x8008_6601: "FS_IOC_GETFLAGS", 0x4008_6602: "FS_IOC_SETFLAGS", 0xC020_660B: "FS_IOC_FIEMAP",
        0x801C_581F: "FS_IOC_FSGETXATTR", 0x4004_9409: "FICLONE", 0x4020_940D: "FICLONERANGE",
        0x1260: "BLKGETSIZE", 0x8008_1272: "BLKGETSIZE64", 0x1268: "BLKSSZGET", 0x0301: "HDIO_GETGEO",
        0x8910: "SIOCGIFNAME", 0x8912: "SIOCGIFCONF", 0x8913: "SIOCGIFFLAGS", 0x8915: "SIOCGIFADDR",
        0x891B: "SIOCGIFNETMASK", 0x8921: "SIOCGIFMTU", 0x8927: "SIOCGIFHWADDR", 0x8933: "SIOCGIFINDEX",
        0x8946: "SIOCETHTOOL", 0x8004_5430: "TIOCGPTN", 0x4004_5431: "TIOCSPTLCK",
    ]

    /// The name, or the number as Linux's headers write it.
    static func describe(_ request: UInt32) -> String {
        names[request] ?? "0x" + String(request, radix: 16)
    }
}
