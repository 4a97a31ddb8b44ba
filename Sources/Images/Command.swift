import Glibc
import LinuxSystem
import SystemPackage

/// Runs the tools an image is built with: shell, mkfs.erofs, tar. Never a job, and never on the way to one.
struct Command {
    /// The program's path and its arguments.
    var arguments: [String]
    var environment: [String]
    /// Where its stdout goes; stderr goes to `log`, stdin is empty.
    var output: CInt
    var log: CInt

    /// How it ended, when not with status 0.
    enum Failure: Equatable, CustomStringConvertible {
        case status(CInt)
        case signal(CInt)

        var description: String {
            switch self {
            case .status(let status): "exit status \(status)"
            case .signal(let signal): "killed by signal \(signal)"
            }
        }
    }

    /// Starts the program in a process group of its own, and returns when it has ended.
    ///
    /// - Parameter tick: Called about fifty times a second. A signal number it returns is sent to the whole group: what the
    ///   user wants to stop is the tool and everything it has started. 0: none.
    func run(tick: () -> CInt = { 0 }) throws(Errno) -> Failure? {
        let process = try start()
        var status: CInt = 0
        while true {
            let result = waitpid(process, &status, WNOHANG)
            if result == process { break }
            if result < 0, errno != EINTR { throw Errno(rawValue: errno) }
            let signal = tick()
            if signal != 0 { kill(-process, signal) }
            usleep(result == 0 ? 20_000 : 0)
        }
        let signal = status & 0x7f
        if signal != 0 { return .signal(signal) }
        let code = (status >> 8) & 0xff
        return code == 0 ? nil : .status(code)
    }

    private func start() throws(Errno) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, log, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        let argv = arguments.map { strdup($0) } + [nil]
        let envp = environment.map { strdup($0) } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var process = pid_t()
        let result = posix_spawn(&process, arguments[0], &actions, &attributes, argv, envp)
        if result != 0 { throw Errno(rawValue: result) }
        return process
    }

    /// Directories searched for tools: the caller's PATH, and where mkfs lives, which is not on every user's PATH.
    static func searchPath(environment: (String) -> String?) -> String {
        (environment("PATH") ?? "/usr/local/bin:/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
    }

    /// The path of `tool`, which is a command's name or, with a slash, a file's path.
    static func path(of tool: String, searchPath: String) -> String? {
        if tool.contains("/") { return access(tool, R_OK) == 0 ? tool : nil }
        let candidates = searchPath.split(separator: ":").map { "\($0)/\(tool)" }
        return candidates.first { access($0, X_OK) == 0 }
    }

    /// The same. - Throws: `missingTools`, which names the package to install.
    static func find(_ tool: String, package: String, searchPath: String) throws(ImageError) -> String {
        guard let path = path(of: tool, searchPath: searchPath) else {
            throw .missingTools([tool], packages: [package])
        }
        return path
    }
}
