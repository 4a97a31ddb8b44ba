/// Who runs when: every contender once a round (A B C, then C B A, …), so that a noisy minute hits all of them, and none
/// always runs behind the same other one.
struct Interleaving {
    struct Turn: Equatable {
        let contender: Int
        /// From 0; the rounds before it warm caches.
        let round: Int
        let isCounted: Bool
    }

    let turns: [Turn]

    /// - Parameters:
    ///   - warmUps: Rounds before the first that counts.
    init(contenders: Int, rounds: Int, warmUps: Int) {
        var turns: [Turn] = []
        for round in 0..<(rounds + warmUps) {
            let forwards = Array(0..<contenders)
            for contender in round % 2 == 0 ? forwards : forwards.reversed() {
                turns.append(.init(contender: contender, round: round, isCounted: round >= warmUps))
            }
        }
        self.turns = turns
    }
}
