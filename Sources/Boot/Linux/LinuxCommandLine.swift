import CSwiftletABI

/// What a Linux guest is told on its command line. Linux, Documentation/admin-guide/kernel-parameters.txt.
enum LinuxCommandLine {
    private static let words = [
        // Only what ends it, an oops or a panic: our kernel's word that it has no mitigations to switch off is critical
        // to it, and 176 exits. First, because COM1 says what was logged before it as it is then told to: two exits for
        // each letter.
        "loglevel=2",
        // What it says goes to the virtio console; before that has a driver, to COM1.
        "console=hvc0", "earlycon=uart8250,io,0x3f8",
        // A panic ends the machine at once, by the triple fault that KVM reports. There is no keyboard controller to ask.
        "panic=-1", "reboot=t",
        // There is no bus to search.
        "pci=off",
        // One tenant to a guest, and the guest is what he is kept in: it need not defend itself against its own programs.
        "mitigations=off", "nokaslr",
    ]

    /// - Parameter own: What the user adds; later words win.
    static func text(devices: [BootDevice], own: String) -> String {
        let listed = devices.map { device in
            "virtio_mmio.device=4K@0x\(String(device.mmio, radix: 16)):\(device.gsi)"
        }
        return (words + listed + (own.isEmpty ? [] : [own])).joined(separator: " ")
    }
}
