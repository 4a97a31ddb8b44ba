/// Who may import whom, the same as in Package.swift. SwiftPM alone does not hold a target to its
/// dependency list, because a transitive module is on the search path too.
enum ImportTable {
    /// The system modules every host target may use.
    static let host: Set<String> = ["Glibc", "Synchronization", "SystemPackage", "CLinux"]

    static let allowed: [String: Set<String>] = [
        "JobWire": [],
        "GuestNucleus": [],
        "GuestKernel": ["JobWire", "GuestNucleus", "CSwiftletABI"],
        "GuestInit": ["JobWire", "GuestLibrary", "CGuestInit", "CSwiftletABI"],
        "LinuxSystem": host,
        "GuestMemory": host.union(["LinuxSystem"]),
        "KVM": host.union(["LinuxSystem", "GuestMemory"]),
        "Virtio": host.union(["GuestMemory", "LinuxSystem"]),
        "VirtioDevices": host.union(["Virtio", "GuestMemory", "LinuxSystem"]),
        "Boot": host.union(["GuestMemory", "LinuxSystem", "CSwiftletABI"]),
        "Sandbox": host.union(["LinuxSystem"]),
        "Machine": host.union([
            "LinuxSystem", "GuestMemory", "KVM", "Virtio", "VirtioDevices", "Boot", "Sandbox", "JobWire",
            "CSwiftletABI",
        ]),
        "Images": host.union(["LinuxSystem"]),
        "Templates": host.union(["Images", "LinuxSystem"]),
        "JobRunner": host.union(["JobWire", "LinuxSystem", "Sandbox"]),
        "swiftlet-vmm": host.union(["CStart", "Machine", "LinuxSystem"]),
        "SwiftletCLI": host.union(["JobRunner", "Images", "JobWire", "KVM", "LinuxSystem", "Templates"]),
        "swiftlet": host.union(["SwiftletCLI"]),
    ]
}
