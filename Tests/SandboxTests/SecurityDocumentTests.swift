import Foundation
import Testing

@testable import Sandbox

/// docs/security.md ends with the jail's steps and the filters' tables, as the code has them.
@Suite struct SecurityDocumentTests {
    private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs/security.md")
    private static let mark = "<!-- From here on written by `make security`. -->\n"

    @Test("docs/security.md has the jail and the filters that the code has; `make security` writes it")
    func documentIsCurrent() throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        let written = text.range(of: Self.mark).map { text[..<$0.lowerBound] } ?? text[...]
        let document = written + Self.mark + Self.generated()
        if ProcessInfo.processInfo.environment["SWIFTLET_WRITE_SECURITY"] != nil {
            try String(document).write(to: Self.file, atomically: true, encoding: .utf8)
        }
        #expect(
            try String(contentsOf: Self.file, encoding: .utf8) == String(document),
            "docs/security.md is not what Sources/Sandbox says: run `make security`")
    }

    private static func generated() -> String {
        var text = "\n## The jail, step by step\n\nEach step that fails ends the start, by name.\n"
        text += steps("The launcher, and the new process before it executes the VMM") {
            SpawnStep.allCases.map { ($0.sentence, $0.why) }
        }
        for (title, steps) in [
            ("The VMM, first of all", Jail.privilegeSteps),
            ("The VMM, when it needs no path any more: the root", Jail.rootSteps(-1)),
            ("The VMM: limits", Jail.limitSteps(maximumDescriptors: 0, maximumAddressSpace: 0)),
            ("Each thread of the VMM, before its filter", Jail.threadSteps),
        ] { text += Self.steps(title) { steps.map { ($0.name, $0.why) } } }
        text +=
            "\n## The system-call filters\n\n"
            + "Filters add up: a call must pass all that were installed before. What is not listed kills the process.\n"
        var everything = SyscallPolicy.deviceLoop
        everything.rules += SyscallPolicy.disks + SyscallPolicy.unixSockets + SyscallPolicy.balloon
        text += table(.vcpu) + table(.deviceLoop)
        text += table("Also, for a device loop with disks", SyscallPolicy.disks)
        text += table("Also, for a device loop with Unix sockets", SyscallPolicy.unixSockets)
        text += table("Also, for a device loop of a Linux guest", SyscallPolicy.balloon)
        let setUp = SyscallPolicy.setUp(before: [])
        text += table(setUp) + "\nAnd what the phases after it allow. clone3 fails with ENOSYS.\n"
        return text
    }

    private static func steps(_ title: String, _ rows: () -> [(String, String)]) -> String {
        "\n### \(title)\n\n| step | what for |\n|---|---|\n"
            + rows().map { "| \($0.0) | \($0.1) |\n" }.joined()
    }

    private static func table(_ policy: SyscallPolicy) -> String {
        table("`\(policy.thread)`, phase `\(policy.phase)`", policy.rules)
    }

    private static func table(_ title: String, _ rules: [SyscallPolicy.Rule]) -> String {
        var text =
            "\n### \(title)\n\n\(rules.count) calls.\n\n| number | call | only with | what for |\n|---|---|---|---|\n"
        for rule in rules {
            let conditions = rule.conditions.map(\.meaning).joined(separator: "; ")
            let unseen = rule.unseen.map { " (not seen in tests: \($0))" } ?? ""
            text += "| \(rule.number) | \(rule.name) | \(conditions) | \(rule.why)\(unseen) |\n"
        }
        return text
    }
}
