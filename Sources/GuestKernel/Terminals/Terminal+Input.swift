/// The line discipline's input half: what happens to each byte that is typed.
extension Terminal {
    private static let newline: UInt8 = 0x0A

    /// Takes typed bytes as far as there is room for them.
    func takeTyped() {
        if typed.isEmpty { return }
        while !typed.isEmpty, hasInputRoom {
            if let byte = typed.first {
                typed.removeFirst()
                receive(byte)
            }
        }
        wakeAll()
    }

    /// In a line that has become too long bytes are lost instead of waiting: nobody could end it otherwise.
    private var hasInputRoom: Bool {
        input.count < TypedInput.capacity - 1 || settings.isCanonical && !input.hasLine
    }

    /// One byte from the keyboard.
    func receive(_ typedByte: UInt8) {
        var byte = typedByte
        let flags = settings.input
        let local = settings.local
        if flags.contains(.strip) { byte &= 0x7F }
        if flags.contains(.toLowerCase), local.contains(.extended), byte >= 0x41, byte <= 0x5A {
            byte += 0x20
        }
        if takesNextLiterally {
            takesNextLiterally = false
            return put(byte)
        }
        if flags.contains(.flowControl) {
            if settings.means(byte, .start) { return startOutput() }
            if settings.means(byte, .stop) { return stopOutput() }
        }
        if local.contains(.signals), let signal = signal(for: byte) { return interrupt(signal, byte) }
        if flags.contains(.anyRestarts) { startOutput() }
        if byte == 0x0D {
            if flags.contains(.ignoreReturn) { return }
            if flags.contains(.returnToNewline) { byte = Self.newline }
        } else if byte == Self.newline, flags.contains(.newlineToReturn) {
            byte = 0x0D
        }
        if local.contains(.canonical) && edit(byte) { return }
        put(byte)
    }

    private func signal(for byte: UInt8) -> Int32? {
        if settings.means(byte, .interrupt) { return Signal.interrupt }
        if settings.means(byte, .quit) { return Signal.quit }
        if settings.means(byte, .suspend) { return Signal.terminalStop }
        return nil
    }

    private func interrupt(_ signal: Int32, _ byte: UInt8) {
        if !settings.local.contains(.noFlush) {
            input.removeAll()
            flushOutput()
            report(packet: .flushRead)
        }
        if settings.input.contains(.flowControl) { startOutput() }
        if settings.local.contains(.echo) { echo(byte) }
        if foregroundGroup != 0 { Processes.send(signal, toGroup: foregroundGroup) }
    }

    /// A byte without a meaning of its own.
    private func put(_ byte: UInt8) {
        if settings.local.contains(.echo) {
            if input.editedCount == 0 { editColumn = column }
            if byte == Self.newline { echoRaw(byte) } else { echo(byte) }
        }
        // What is too much for a line is shown and lost, as on Linux.
        if settings.isCanonical && !input.hasRoomInLine { return }
        if settings.input.contains(.parityMark), byte == 0xFF { input.append(byte) }
        input.append(byte)
    }

    // MARK: Editing

    /// - Returns: whether the byte was one that edits or ends a line.
    private func edit(_ byte: UInt8) -> Bool {
        let local = settings.local
        let isExtended = local.contains(.extended)
        if settings.means(byte, .erase) {
            eraseCharacter(byte)
        } else if settings.means(byte, .kill) {
            eraseLine(byte)
        } else if isExtended, settings.means(byte, .wordErase) {
            eraseWord()
        } else if isExtended, settings.means(byte, .literalNext) {
            takesNextLiterally = true
            if local.isSuperset(of: [.echo, .echoControl]) {
                echoRaw(0x5E)
                echoRaw(0x08)
            }
        } else if isExtended, local.contains(.echo), settings.means(byte, .reprint) {
            reprint(byte)
        } else if byte == Self.newline {
            if !local.isDisjoint(with: [.echo, .echoNewline]) { echoRaw(byte) }
            endLine(with: byte)
        } else if settings.means(byte, .endOfFile) {
            endLine(with: nil)
        } else if settings.means(byte, .endOfLine) || isExtended && settings.means(byte, .endOfLine2) {
            if local.contains(.echo) {
                if input.editedCount == 0 { editColumn = column }
                echo(byte)
            }
            endLine(with: byte)
        } else {
            return false
        }
        return true
    }

    private func endLine(with byte: UInt8?) {
        input.endLine(with: byte)
        changed.wakeAll()
    }

    private func eraseCharacter(_ byte: UInt8) {
        guard input.editedCount > 0 else { return }
        let isErased = settings.local.isSuperset(of: [.echo, .echoErase])
        removeCharacter(showing: isErased)
        if settings.local.contains(.echo) && !isErased { echo(byte) }
    }

    private func eraseLine(_ byte: UInt8) {
        guard input.editedCount > 0 else { return }
        let local = settings.local
        if local.isSuperset(of: [.echo, .echoKill, .echoKillErases, .echoErase]) {
            while input.editedCount > 0 { removeCharacter(showing: true) }
            return
        }
        while input.editedCount > 0 { input.removeLastEdited() }
        if local.contains(.echo) {
            echo(byte)
            if local.contains(.echoKill) { echoRaw(Self.newline) }
        }
    }

    /// Back to the beginning of the last word: letters, digits and `_`.
    private func eraseWord() {
        let isShown = settings.local.isSuperset(of: [.echo, .echoErase])
        var hasSeenWord = false
        while input.editedCount > 0 {
            let last = input.edited(input.editedCount - 1)
            let isLetter = last >= 0x61 && last <= 0x7A || last >= 0x41 && last <= 0x5A
            let isWord = isLetter || last >= 0x30 && last <= 0x39 || last == 0x5F || last >= 0x80
            if !isWord && hasSeenWord { return }
            if isWord { hasSeenWord = true }
            removeCharacter(showing: isShown)
        }
    }

    /// Takes the last character of the line away; of a UTF-8 character all bytes.
    private func removeCharacter(showing isShown: Bool) {
        var first = input.edited(input.editedCount - 1)
        while isContinuation(first), input.editedCount > 1 {
            input.removeLastEdited()
            first = input.edited(input.editedCount - 1)
        }
        input.removeLastEdited()
        guard isShown else { return }
        var width = 1
        if first == 0x09 {
            width = widthOfTab()
            // A tab left what was under it alone, so going back is all there is to do.
            for _ in 0..<width { echoRaw(0x08) }
            return
        }
        if isControl(first) { width = settings.local.contains(.echoControl) ? 2 : 0 }
        for _ in 0..<width {
            for byte: UInt8 in [0x08, 0x20, 0x08] { echoRaw(byte) }
        }
    }

    /// How far the tab behind the rest of the line moved the cursor.
    private func widthOfTab() -> Int {
        var at = editColumn
        for i in 0..<input.editedCount {
            let byte = input.edited(i)
            if byte == 0x09 {
                at += 8 - at & 7
            } else if isControl(byte) {
                at += settings.local.contains(.echoControl) ? 2 : 0
            } else if !isContinuation(byte) {
                at += 1
            }
        }
        return 8 - at & 7
    }

    private func reprint(_ byte: UInt8) {
        echo(byte)
        echoRaw(Self.newline)
        editColumn = 0
        for i in 0..<input.editedCount { echo(input.edited(i)) }
    }
}
