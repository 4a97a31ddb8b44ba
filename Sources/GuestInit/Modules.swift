/// The modules of a kernel that has its drivers outside: /modules/NAME for each line of /modules/order, from a second
/// initramfs.
enum Modules {
    static func load() {
        guard let list = try? Descriptor.open("/modules/order", OpenFlags.readOnly) else { return }
        let text = must("init: read /modules/order") { () throws(Errno) in try list.contents() }
        for name in text.split(separator: UInt8(ascii: "\n")) { load(Array(name)) }
    }

    private static func load(_ name: [UInt8]) {
        do throws(Errno) {
            let file = try Descriptor.open(Path(Text.bytes("/modules/") + name), OpenFlags.readOnly)
            let none: Path = ""
            try none.withArgument { (none) throws(Errno) in
                try LinuxCall.finit_module(file.number, none, 0)
            }
        } catch {
            // One that is in the kernel already is as good.
            if error != .exists { panic("init: load the module", error, about: name) }
        }
    }
}
