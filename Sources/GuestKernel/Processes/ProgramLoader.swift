/// A program in an address space of its own, ready to run.
struct LoadedProgram {
    let space: AddressSpace
    let entry: UInt64
    let stackPointer: UInt64
    /// comm: the last component of the path, at most 15 bytes.
    let name: [UInt8]
    /// The file that runs: of a script, its interpreter.
    let inode: Inode
    /// Whose identities it runs with.
    let credentials: Credentials
}

/// What execve(2) and execveat(2) name: a file, and what it is called by.
struct ExecutableName {
    let inode: Inode
    /// What the program is told (AT_EXECFN) and a script's interpreter reads: the caller's path, or one through /dev/fd.
    let path: [UInt8]
    /// comm, before it is cut.
    let name: [UInt8]
    /// `path` leads through a descriptor that exec closes: no interpreter could open it.
    var closesOnExec = false

    /// - Throws: as `FileSystem.executable`.
    init(
        _ path: [UInt8], in context: FileSystemContext, as credentials: Credentials, from start: Inode? = nil,
        followLast: Bool = true
    ) throws(Errno) {
        inode = try FileSystem.executable(
            path, in: context, as: credentials, from: start, followLast: followLast)
        self.path = path
        name = Array(path.split(separator: 0x2F).last ?? [])
    }

    /// The file behind descriptor `number`, or, relative to it, `path`.
    /// - Throws: `.badDescriptor`, `.notDirectory`, and as `FileSystem.executable`.
    init(
        descriptor number: Int32, _ path: [UInt8], of process: Process, followLast: Bool
    ) throws(Errno) {
        let entry = try process.files.entry(number)
        guard let opened = entry.file.inode else { throw .accessDenied }
        var text = Text("/dev/fd/")
        text.add(Int64(number))
        if path.isEmpty {
            try FileSystem.requireExecutable(opened, as: process.credentials)
            inode = opened
            name = opened.name
        } else {
            guard opened.isDirectory else { throw .notDirectory }
            inode = try FileSystem.executable(
                path, in: process.directories, as: process.credentials, from: opened, followLast: followLast)
            name = Array(path.split(separator: 0x2F).last ?? [])
            text.add("/")
            text.add(path)
        }
        self.path = text.bytes
        closesOnExec = entry.closeOnExec
    }
}

/// The file that a process runs, which nobody may write meanwhile (ETXTBSY); shared with what it forks.
final class RunningFile {
    let inode: Inode

    init(_ inode: Inode) {
        self.inode = inode
        inode.executionBegan()
    }

    deinit { inode.executionEnded() }
}

/// Building a program's memory for execve(2): interpreters of scripts, ELF segments, the dynamic linker, the vDSO, the stack.
/// Nothing of the old program is touched, so a failure leaves it running.
enum ProgramLoader {
    private static let maximumScriptDepth = 4
    private static let scriptLineBytes = 256
    private static let eagerDataBytes: UInt64 = 128 << 10

    /// - Parameters:
    ///   - path: as the caller gave it.
    ///   - arguments: argv; replaced in part for scripts.
    /// - Throws: `.noSuchFile`, `.accessDenied`, `.notExecutable`, `.argumentListTooLong`, `.noMemory`,
    ///   `.tooManySymbolicLinks`.
    static func load(
        _ path: [UInt8], arguments: [[UInt8]], environment: [[UInt8]], in context: FileSystemContext,
        as credentials: Credentials
    ) throws(Errno) -> LoadedProgram {
        try load(
            try ExecutableName(path, in: context, as: credentials), arguments: arguments,
            environment: environment, in: context, as: credentials)
    }

    /// The same for a file that has been found: what was found runs, whatever its path leads to by now.
    static func load(
        _ named: ExecutableName, arguments: [[UInt8]], environment: [[UInt8]], in context: FileSystemContext,
        as credentials: Credentials
    ) throws(Errno) -> LoadedProgram {
        var arguments = arguments
        var file = named.path
        var inode = named.inode
        for _ in 0..<maximumScriptDepth {
            guard let script = try interpreterLine(of: inode) else {
                return try load(inode, named, arguments, environment, in: context, as: credentials)
            }
            if inode === named.inode && named.closesOnExec { throw .noSuchFile }
            var replaced = [script.interpreter]
            if let argument = script.argument { replaced.append(argument) }
            replaced.append(file)
            arguments = replaced + arguments.dropFirst()
            file = script.interpreter
            inode = try FileSystem.executable(file, in: context, as: credentials)
        }
        throw .tooManySymbolicLinks
    }

    /// `#!interpreter argument`, if the file begins so.
    private static func interpreterLine(
        of inode: Inode
    ) throws(Errno) -> (interpreter: [UInt8], argument: [UInt8]?)? {
        let head = try ByteReader(inode, at: 0, count: scriptLineBytes).bytes
        guard head.count > 2, head[0] == 0x23, head[1] == 0x21 else { return nil }
        guard let end = head.firstIndex(of: 0x0A) ?? (head.count < scriptLineBytes ? head.count : nil) else {
            throw .notExecutable
        }
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        var line = head[2..<end]
        line = line.drop(while: isBlank)
        while let last = line.last, isBlank(last) { line.removeLast() }
        let interpreter = line.prefix { !isBlank($0) }
        guard !interpreter.isEmpty else { throw .notExecutable }
        let rest = line.dropFirst(interpreter.count).drop(while: isBlank)
        return (Array(interpreter), rest.isEmpty ? nil : Array(rest))
    }

    private static func load(
        _ inode: Inode, _ named: ExecutableName, _ arguments: [[UInt8]], _ environment: [[UInt8]],
        in context: FileSystemContext, as credentials: Credentials
    ) throws(Errno) -> LoadedProgram {
        let program = try ExecutableFile(reading: inode)
        let space = try AddressSpace()
        let layout = Layout.random()
        space.mapTop = layout.mapTop

        let bias = program.isRelocatable ? layout.programBias &- program.start : 0
        try map(program, of: inode, into: space, bias: bias)
        let programEnd = bias &+ program.end  // `map` has seen that it is a program's address
        space.heapStart = programEnd + layout.heapGap
        space.heapEnd = space.heapStart
        if let data = program.segments.last, data.fileEnd > data.start {
            space.programDataBytes = data.fileEnd - data.start
        }

        var entry = bias &+ program.entry
        var linkerBase: UInt64 = 0
        if let interpreter = program.interpreter {
            let linkerInode = try FileSystem.executable(interpreter, in: context, as: credentials)
            let linker = try ExecutableFile(reading: linkerInode)
            guard linker.isRelocatable, let place = space.findGap(linker.end - linker.start) else {
                throw .notExecutable
            }
            linkerBase = place &- linker.start
            try map(linker, of: linkerInode, into: space, bias: linkerBase)
            entry = linkerBase &+ linker.entry
        }
        guard space.area(at: entry)?.access.contains(.execute) == true else { throw .notExecutable }

        var stack = InitialStack(space: space, top: layout.stackTop, isExecutable: program.isStackExecutable)
        stack.auxiliary = [
            (3, bias &+ program.headersAddress), (4, 56), (5, program.headerCount), (7, linkerBase),
            (9, bias &+ program.entry), (33, try VDSO.map(into: space)),
        ]
        let own = credentials.executing(inode)
        stack.isSecure = own.effectiveUser != own.user || own.effectiveGroup != own.group
        let stackPointer = try stack.build(
            arguments: arguments, environment: environment, path: named.path, credentials: own)
        return LoadedProgram(
            space: space, entry: entry, stackPointer: stackPointer,
            name: Array(named.name.prefix(15)), inode: inode, credentials: own)
    }

    /// Maps the segments at `bias`, zeroes what lies behind their file part, and makes present what is in memory already.
    private static func map(
        _ program: ExecutableFile, of inode: Inode, into space: AddressSpace, bias: UInt64
    ) throws(Errno) {
        for segment in program.segments {
            let start = bias &+ segment.start
            let end = bias &+ segment.end
            guard start >= AddressSpace.lowest, end <= AddressSpace.top, start < end, space.isFree(start, end)
            else {
                throw .notExecutable
            }
            let fileEnd = bias &+ segment.fileEnd
            let pagesFromFile =
                segment.fileEnd == segment.start ? start : (fileEnd + pageSize - 1) & ~(pageSize - 1)
            if pagesFromFile > start {
                let area = MemoryArea(
                    start: start, end: pagesFromFile, access: segment.access, isShared: false,
                    growsDown: false,
                    backing: .file(inode, offset: segment.fileOffset))
                space.insert(area)
                if segment.access.contains(.write) {
                    // Relocation and start-up write nearly all of it, and a trap costs more than the copy of a page.
                    space.populate(from: start, to: min(pagesFromFile, start + eagerDataBytes), writing: true)
                } else {
                    space.mapCached(from: start, to: pagesFromFile, in: area)
                }
            }
            if end > pagesFromFile {
                space.insert(
                    MemoryArea(
                        start: pagesFromFile, end: end, access: segment.access, isShared: false,
                        growsDown: false,
                        backing: .anonymous))
                // What the first write to it would bring.
                if segment.access.contains(.write) {
                    space.populate(from: pagesFromFile, to: pagesFromFile + pageSize, writing: true)
                }
            }
            if segment.memoryEnd > segment.fileEnd, fileEnd < pagesFromFile, segment.access.contains(.write) {
                try space.write([UInt8](repeating: 0, count: Int(pagesFromFile - fileEnd)), to: fileEnd)
            }
        }
    }

    /// Where things go, by chance (randomize_va_space 2): enough entropy that addresses are not to be guessed.
    private struct Layout {
        let programBias: UInt64
        let mapTop: UInt64
        let stackTop: UInt64
        let heapGap: UInt64

        /// Below the highest place of the stack.
        private static let mapCeiling = AddressSpace.top & ~0xFFF_FFFF

        static func random() -> Layout {
            var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
            withUnsafeMutableBytes(of: &words) { Random.fill($0) }
            return Layout(
                programBias: 0x5555_5555_4000 + (words.0 & 0xFFF_FFFF) << 12,
                mapTop: mapCeiling - InitialStack.maximumBytes - (words.1 & 0x7FF_FFFF) << 12,
                stackTop: AddressSpace.top - (words.2 & 0xF_FFFF) << 4 & ~0xF,
                heapGap: (words.3 & 0x1FFF) << 12)
        }
    }
}
