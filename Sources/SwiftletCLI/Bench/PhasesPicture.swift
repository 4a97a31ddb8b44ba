/// Where swiftlet's time goes, as an SVG: a bar for each workload, of its phases' medians one behind the other, and for the
/// plain process and bubblewrap a line at their own. Readable on light and on dark ground.
struct PhasesPicture {
    struct Bar: Equatable {
        let title: String
        /// Microseconds, in order.
        let phases: [(name: String, microseconds: UInt64)]
        let marks: [(name: String, microseconds: UInt64)]

        static func == (left: Bar, right: Bar) -> Bool {
            left.title == right.title && left.phases.elementsEqual(right.phases, by: ==)
                && left.marks.elementsEqual(right.marks, by: ==)
        }

        var total: UInt64 { phases.reduce(0) { $0 + $1.microseconds } }
        var widest: UInt64 { max(total, marks.map(\.microseconds).max() ?? 0) }
    }

    let machine: String
    let bars: [Bar]

    init(machine: String, bars: [Bar]) {
        self.machine = machine
        self.bars = bars
    }

    init(_ result: BenchResult) {
        machine = result.machine.text
        bars = result.comparisons.compactMap { comparison in
            guard let ledger = comparison.ledger else { return nil }
            let marks = comparison.entries.compactMap { entry in
                entry.contender.hasPrefix("swiftlet")
                    ? nil : entry.whole.map { (name: entry.contender, microseconds: $0.p50) }
            }
            return Bar(
                title: comparison.workload.title,
                phases: ledger.phases.map { ($0.name, $0.quantiles.p50) }, marks: marks)
        }
    }

    /// Of Okabe and Ito's set: told apart with any colour vision, and on white and black alike.
    private static let colours = [
        "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b5a900", "#7f7f7f",
    ]
    private static let width = 900
    private static let left = 10
    private static let barHeight = 26
    /// A title, the bar, and a line of words for each of three others.
    private static let pitch = 96
    private static let top = 84

    private static let style = """
        <style>
        text { font: 13px sans-serif; fill: #1b1b1b; } .small { font-size: 11px; } .in { fill: #fff; font-size: 11px; }
        .mark { stroke: #1b1b1b; stroke-width: 2; }
        @media (prefers-color-scheme: dark) { text { fill: #e8e8e8; } .in { fill: #fff; } .mark { stroke: #e8e8e8; } }
        </style>
        """

    var svg: String {
        let height = Self.top + Self.pitch * bars.count + 10
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Self.width)\" height=\"\(height)\" "
                + "viewBox=\"0 0 \(Self.width) \(height)\">",
            Self.style,
            Self.text(Self.left, 20, "swiftlet, cold: where a job's time goes (medians)"),
            Self.text(Self.left, 38, machine, "small"),
        ]
        var names: [String] = []
        for phase in bars.flatMap(\.phases) where !names.contains(phase.name) { names.append(phase.name) }
        for (index, name) in names.enumerated() {
            let x = Self.left + index * 110
            lines.append(Self.rectangle(x, 50, 12, 12, Self.colour(index), name))
            lines.append(Self.text(x + 17, 60, name, "small"))
        }
        for (index, bar) in bars.enumerated() {
            lines += draw(bar, at: Self.top + index * Self.pitch, colours: names)
        }
        return lines.joined(separator: "\n") + "\n</svg>\n"
    }

    /// Every bar has its own scale: a job of 5 s and one of 8 ms stand in one picture.
    private func draw(_ bar: Bar, at y: Int, colours: [String]) -> [String] {
        let room = Double(Self.width - 2 * Self.left)
        let scale = room / Double(max(1, bar.widest))
        var lines = [
            Self.text(Self.left, y + 14, "\(bar.title): \(Ledger.milliseconds(bar.total)) ms")
        ]
        var x = Double(Self.left)
        for phase in bar.phases {
            let width = Double(phase.microseconds) * scale
            let label = "\(phase.name) \(Ledger.milliseconds(phase.microseconds)) ms"
            let colour = Self.colour(colours.firstIndex(of: phase.name) ?? 0)
            lines.append(Self.rectangle(Int(x), y + 20, max(1, Int(width)), Self.barHeight, colour, label))
            let figure = Ledger.milliseconds(phase.microseconds)
            if width > Double(8 * figure.count) {
                lines.append(Self.text(Int(x) + 4, y + 37, figure, "in"))
            }
            x += width
        }
        for (line, mark) in bar.marks.enumerated() {
            let at = Self.left + Int(Double(mark.microseconds) * scale)
            lines.append(
                "<line class=\"mark\" x1=\"\(at)\" x2=\"\(at)\" y1=\"\(y + 17)\" y2=\"\(y + 49)\"/>")
            let isFarRight = at > Self.width - 160
            lines.append(
                Self.text(at, y + 59 + 12 * line, "\(mark.name) \(Ledger.milliseconds(mark.microseconds))",
                    "small", anchor: isFarRight ? "end" : "start"))
        }
        return lines
    }

    private static func colour(_ index: Int) -> String { colours[index % colours.count] }

    private static func rectangle(
        _ x: Int, _ y: Int, _ width: Int, _ height: Int, _ colour: String, _ title: String
    ) -> String {
        "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" fill=\"\(colour)\">"
            + "<title>\(escaped(title))</title></rect>"
    }

    private static func text(
        _ x: Int, _ y: Int, _ text: String, _ style: String = "", anchor: String = "start"
    ) -> String {
        let attributes = (style.isEmpty ? "" : " class=\"\(style)\"") + " text-anchor=\"\(anchor)\""
        return "<text x=\"\(x)\" y=\"\(y)\"\(attributes)>\(escaped(text))</text>"
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }
}
