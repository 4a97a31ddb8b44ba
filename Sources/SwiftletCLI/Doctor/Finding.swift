/// One line of `swiftlet doctor`.
struct Finding: Equatable {
    enum Grade: String {
        case ok
        /// Jobs run, but something could be better.
        case warning
        /// Jobs cannot run.
        case problem
    }

    let grade: Grade
    /// What was looked at, in a word or two.
    let subject: String
    /// What was found, and what to do about it if it is no good.
    let text: String

    init(_ grade: Grade, _ subject: String, _ text: String) {
        self.grade = grade
        self.subject = subject
        self.text = text
    }

    static func table(_ findings: [Finding]) -> String {
        let width = findings.map(\.subject.count).max() ?? 0
        var text = ""
        for finding in findings {
            let grade = finding.grade == .ok ? "ok     " : finding.grade == .warning ? "warning" : "PROBLEM"
            let pad = String(repeating: " ", count: width - finding.subject.count)
            text += "\(grade)  \(finding.subject)\(pad)  \(finding.text)\n"
        }
        return text
    }

    static func json(_ findings: [Finding]) -> String {
        var json = JSONWriter()
        json.object {
            $0.boolean("can_run_jobs", canRunJobs(findings))
            $0.array("findings") { list in
                for finding in findings {
                    list.object {
                        $0.string("grade", finding.grade.rawValue)
                        $0.string("subject", finding.subject)
                        $0.string("text", finding.text)
                    }
                }
            }
        }
        return json.text + "\n"
    }

    static func canRunJobs(_ findings: [Finding]) -> Bool { !findings.contains { $0.grade == .problem } }
}
