// swift-tools-version: 6.2
import PackageDescription

// One package, two worlds: `make build` builds the host products with the host triple and the product `GuestKernel`
// for x86_64-unknown-none-elf with Sources/GuestNucleus/guest-toolset.json (Embedded Swift, no SSE), then links the
// kernel with Sources/GuestNucleus/kernel.ld. Who may import whom is the dependency list below.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
]

// One file without a dynamic linker: exec to main takes half the time, and it runs in any root directory.
let oneStaticFile: [LinkerSetting] = [.unsafeFlags(["-static-executable"], .when(configuration: .release))]

let package = Package(
    name: "swiftlet",
    products: [
        .executable(name: "swiftlet", targets: ["swiftlet"]),
        .executable(name: "swiftlet-vmm", targets: ["swiftlet-vmm"]),
        .library(name: "GuestKernel", type: .static, targets: ["GuestKernel"]),
        .library(name: "GuestInit", type: .static, targets: ["GuestInit"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        // Shared by host and guest.
        .target(name: "CSwiftletABI"),
        .target(name: "JobWire", swiftSettings: strict),

        // Host, from the bottom up.
        .target(name: "CLinux"),
        .target(name: "CStart"),
        .target(
            name: "LinuxSystem",
            dependencies: ["CLinux", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: strict),
        .target(name: "GuestMemory", dependencies: ["LinuxSystem"], swiftSettings: strict),
        .target(name: "KVM", dependencies: ["CLinux", "LinuxSystem"], swiftSettings: strict),
        .target(name: "Virtio", dependencies: ["GuestMemory"], swiftSettings: strict),
        .target(name: "VirtioDevices", dependencies: ["Virtio"], swiftSettings: strict),
        .target(name: "Boot", dependencies: ["GuestMemory", "CSwiftletABI"], swiftSettings: strict),
        .target(name: "Sandbox", dependencies: ["CLinux", "LinuxSystem"], swiftSettings: strict),
        .target(
            name: "Machine",
            dependencies: [
                "CLinux", "CSwiftletABI", "LinuxSystem", "GuestMemory", "KVM", "Virtio", "VirtioDevices", "Boot",
                "Sandbox", "JobWire",
            ],
            swiftSettings: strict),
        .target(name: "Images", dependencies: ["LinuxSystem"], swiftSettings: strict),
        .target(name: "Templates", dependencies: ["CLinux", "Images", "LinuxSystem"], swiftSettings: strict),
        .target(
            name: "JobRunner", dependencies: ["JobWire", "LinuxSystem", "Sandbox"], swiftSettings: strict),
        .executableTarget(
            name: "swiftlet-vmm", dependencies: ["CStart", "LinuxSystem", "Machine"], swiftSettings: strict,
            linkerSettings: oneStaticFile),
        .target(
            name: "SwiftletCLI",
            dependencies: ["JobRunner", "Images", "JobWire", "KVM", "LinuxSystem", "Templates"],
            exclude: ["system-calls"], swiftSettings: strict),
        .executableTarget(
            name: "swiftlet", dependencies: ["SwiftletCLI"], swiftSettings: strict,
            linkerSettings: oneStaticFile),

        // Guest.
        .target(name: "GuestLibrary"),
        .target(
            name: "GuestNucleus", dependencies: ["CSwiftletABI"], exclude: ["kernel.ld", "guest-toolset.json"]),
        .target(
            name: "GuestKernel", dependencies: ["JobWire", "GuestLibrary", "GuestNucleus", "CSwiftletABI"],
            swiftSettings: strict),
        .target(name: "CGuestInit"),
        .target(
            name: "GuestInit", dependencies: ["JobWire", "GuestLibrary", "CGuestInit", "CSwiftletABI"],
            exclude: ["init.ld", "make-initramfs"], swiftSettings: strict),

        // A VMM with an attacker inside, for the tests of the confinement (Tests/takeover/run).
        .target(name: "CTakeover", path: "Tests/takeover/CTakeover"),
        .executableTarget(
            name: "swiftlet-vmm-takeover", dependencies: ["CStart", "CTakeover", "LinuxSystem", "Machine"],
            path: "Tests/takeover/Sources", swiftSettings: strict, linkerSettings: oneStaticFile),

        // swiftlet without the jail, for Benchmarks/confinement.py only.
        .executableTarget(
            name: "swiftlet-unconfined", dependencies: ["SwiftletCLI"], path: "Benchmarks/unconfined", swiftSettings: strict,
            linkerSettings: oneStaticFile),

        // Micro-benchmarks of the queue and the wire format: `swift run -c release swiftlet-micro`.
        .executableTarget(
            name: "swiftlet-micro", dependencies: ["CLinux", "GuestMemory", "JobWire", "LinuxSystem", "Virtio"],
            path: "Benchmarks/micro", swiftSettings: strict),

        // Tests that need no KVM, in the mirror place of what they test.
        .testTarget(name: "JobWireTests", dependencies: ["JobWire"], swiftSettings: strict),
        .testTarget(name: "LinuxSystemTests", dependencies: ["LinuxSystem"], swiftSettings: strict),
        .testTarget(
            name: "VirtioTests", dependencies: ["Virtio", "VirtioDevices"], swiftSettings: strict),
        .testTarget(
            name: "MachineTests",
            dependencies: [
                "Machine", "CLinux", "CSwiftletABI", "GuestMemory", "JobWire", "KVM", "KernelFile", "LinuxSystem", "Sandbox",
                "swiftlet-vmm",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SandboxTests", dependencies: ["CLinux", "LinuxSystem", "Sandbox"], swiftSettings: strict),
        .testTarget(
            name: "BootTests", dependencies: ["Boot", "CSwiftletABI", "GuestMemory", "KernelFile", "LinuxSystem"],
            swiftSettings: strict),
        .target(
            name: "KernelFile", dependencies: ["CSwiftletABI", "LinuxSystem"], path: "Tests/KernelFile",
            swiftSettings: strict),
        .testTarget(name: "GuestKernelTests", dependencies: ["GuestKernel", "JobWire"], swiftSettings: strict),
        // Process 1 of a Linux guest as a program of the host's, for its tests: it runs a job it gets over inherited descriptors.
        .executableTarget(
            name: "guest-init-on-host", dependencies: ["CStart", "GuestInit"], path: "Tests/GuestInitOnHost",
            swiftSettings: strict),
        .testTarget(
            name: "GuestInitTests", dependencies: ["CGuestInit", "CSwiftletABI", "GuestInit", "JobWire", "guest-init-on-host"],
            swiftSettings: strict),
        .testTarget(name: "JobRunnerTests", dependencies: ["JobRunner", "Images", "JobWire", "LinuxSystem"], swiftSettings: strict),
        .testTarget(name: "SwiftletCLITests", dependencies: ["SwiftletCLI"], swiftSettings: strict),
        .testTarget(name: "ImagesTests", dependencies: ["Images", "LinuxSystem"], swiftSettings: strict),
        .testTarget(
            name: "TemplatesTests", dependencies: ["Images", "LinuxSystem", "Templates"], swiftSettings: strict),
        .testTarget(name: "TidyTests", swiftSettings: strict),
    ]
)

// libFuzzer brings instrumentation and a driver of its own, so the target exists only when asked for (Tests/fuzz/run).
if Context.environment["SWIFTLET_FUZZ"] != nil {
    package.products.append(.executable(name: "fuzz", targets: ["fuzz"]))
    package.targets.append(
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "Boot", "CLinux", "GuestKernel", "GuestMemory", "GuestNucleus", "Images", "JobRunner", "JobWire", "KernelFile",
                "LinuxSystem", "Machine", "SwiftletCLI", "Templates", "Virtio", "VirtioDevices",
            ],
            path: "Tests/fuzz/Sources", swiftSettings: strict))
    // The runtime keeps its list of open accesses by thread, and the kernel switches stacks on one; Embedded Swift, which the
    // kernel is in, has no such list.
    for target in package.targets where target.name == "GuestKernel" {
        target.swiftSettings?.append(.unsafeFlags(["-enforce-exclusivity=unchecked"]))
    }
}
