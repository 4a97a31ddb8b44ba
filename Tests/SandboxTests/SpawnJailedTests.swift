import Glibc
import LinuxSystem
import Sandbox
import SystemPackage
import Testing

/// Runs a shell command with its standard output in a file; returns the file's text and the exit status.
private func output(
    of command: String, group: ControlGroupEntry? = nil, unconfined: Bool = false
) throws -> (text: String, status: CInt) {
    let file = try OwnedDescriptor.memoryFile(name: "output")
    let process = try spawnJailed(
        .path("/bin/sh"), arguments: ["sh", "-c", command],
        descriptors: [DescriptorAssignment(file.borrowed, as: 1)], group: group, unconfined: unconfined)
    var status: CInt = 0
    waitpid(process.processID, &status, 0)
    return (String(decoding: try file.borrowed.read(upTo: 65536, at: 0), as: UTF8.self), (status >> 8) & 0xFF)
}

@Suite struct SpawnJailedTests {
    @Test("a jailed process is process 1 of its pid namespace, and its exit status arrives")
    func ownPIDNamespace() throws {
        let (text, status) = try output(of: "echo $$; exit 7")
        #expect(text == "1\n")
        #expect(status == 7)
    }

    @Test("user 0 inside is one user outside, and nobody else exists inside")
    func userMap() throws {
        let (text, _) = try output(of: "cat /proc/self/uid_map")
        let fields = text.split(separator: " ").map { String($0).filter { $0 != "\n" } }
        #expect(fields.count == 3)
        #expect(fields.first == "0")
        #expect(fields.last == "1")
        if geteuid() == 0 { #expect((UInt32(fields[1]) ?? 0) >= 0x7000_0000) }
    }

    @Test("there is no network but a loopback interface that is down")
    func ownNetworkNamespace() throws {
        let (text, _) = try output(of: "cat /proc/thread-self/net/dev | tail -n +3 | wc -l")
        #expect(text == "1\n")
    }

    @Test("HOSTILE 20: only the listed descriptors are open, the standard ones on /dev/null")
    func descriptors() throws {
        let secret = try OwnedDescriptor.open("/etc/hostname", flags: O_RDONLY)
        let inherited = dup(secret.borrowed.rawValue)  // without close-on-exec
        defer { close(inherited) }
        let (text, _) = try output(
            of: "ls -l /proc/self/fd | grep -c hostname; readlink /proc/self/fd/0 /proc/self/fd/2")
        #expect(text == "0\n/dev/null\n/dev/null\n")
    }

    @Test("descriptors may swap places")
    func swappedDescriptors() throws {
        let first = try OwnedDescriptor.memoryFile(name: "first")
        let second = try OwnedDescriptor.memoryFile(name: "second")
        let process = try spawnJailed(
            .path("/bin/sh"),
            arguments: ["sh", "-c", "printf one > /proc/self/fd/\(second.borrowed.rawValue)"],
            descriptors: [
                DescriptorAssignment(first.borrowed, as: second.borrowed.rawValue),
                DescriptorAssignment(second.borrowed, as: first.borrowed.rawValue),
            ])
        var status: CInt = 0
        waitpid(process.processID, &status, 0)
        #expect(try first.borrowed.read(upTo: 16, at: 0) == Array("one".utf8))
        #expect(try second.borrowed.read(upTo: 16, at: 0) == [])
    }

    /// Root's on every host with version 2 at its place or, beside version 1, at systemd's.
    private static var secondHierarchy: String? {
        guard geteuid() == 0 else { return nil }
        return ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].first { access($0 + "/cgroup.procs", W_OK) == 0 }
    }

    @Test(
        "made in a version 2 cgroup, a process is there before it runs",
        .enabled(if: secondHierarchy != nil, "needs root and a cgroup2 mount"))
    func secondControlGroup() throws {
        let path = try #require(Self.secondHierarchy) + "/swiftlet-spawn-test-\(getpid())"
        #expect(mkdir(path, 0o755) == 0)
        defer { #expect(rmdir(path) == 0) }
        let directory = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
        let input = try Pipe()
        let process = try spawnJailed(
            .path("/bin/cat"), arguments: ["cat"],
            descriptors: [DescriptorAssignment(input.reading.borrowed, as: 0)],
            group: .directory(directory.borrowed))
        // In its cgroup namespace the process sees none; from outside it is there.
        let members = try OwnedDescriptor.open(path + "/cgroup.procs", flags: O_RDONLY)
        let text = String(decoding: try members.borrowed.readAll(atMost: 4096), as: UTF8.self)
        #expect(text == "\(process.processID)\n")
        kill(process.processID, SIGKILL)
        waitpid(process.processID, nil, 0)
    }

    @Test("a cgroup that cannot be entered is an error at its step")
    func refusedControlGroup() throws {
        let notTasks = try OwnedDescriptor.open("/dev/null", flags: O_RDONLY)
        let error = #expect(throws: SpawnError.self) {
            _ = try spawnJailed(
                .path("/bin/true"), arguments: ["true"], descriptors: [], group: .tasks(notTasks.borrowed))
        }
        #expect(error?.step == .controlGroup)
        let notGroup = try OwnedDescriptor.open("/", flags: O_RDONLY | O_DIRECTORY)
        let second = #expect(throws: SpawnError.self) {
            _ = try spawnJailed(
                .path("/bin/true"), arguments: ["true"], descriptors: [], group: .directory(notGroup.borrowed)
            )
        }
        #expect(second?.step == .clone)
    }

    /// The targets of the descriptors of each of this process's children, where they can be read.
    private static func descriptorsOfChildren() throws -> [[String]] {
        var found: [[String]] = []
        for task in try listDirectory(Array("/proc/self/task".utf8)) {
            let path = "/proc/self/task/" + String(decoding: task, as: UTF8.self) + "/children"
            guard let file = try? OwnedDescriptor.open(path, flags: O_RDONLY),
                let text = try? file.borrowed.readAll(atMost: 65536)
            else { continue }
            for child in String(decoding: text, as: UTF8.self).split(separator: " ") {
                let directory = Array("/proc/\(child)/fd".utf8)
                guard let names = try? listDirectory(directory) else { continue }
                found.append(
                    names.compactMap { try? readLink(directory + [UInt8(ascii: "/")] + $0) }
                        .map { String(decoding: $0, as: UTF8.self) })
            }
        }
        return found
    }

    @Test("HOSTILE 21: a process that is being started holds no end of another's channel, so all see their launcher die")
    func noOthersChannel() throws {
        // Full, it stops the process where it would enter its cgroup.
        let tasks = try Pipe(flags: O_NONBLOCK)
        while (try? tasks.writing.borrowed.write(all: [0])) != nil {}
        #expect(fcntl(tasks.writing.borrowed.rawValue, F_SETFL, 0) == 0)
        let pipe = String(
            decoding: try readLink(Array("/proc/self/fd/\(tasks.writing.borrowed.rawValue)".utf8)), as: UTF8.self)
        let thread = try Thread(name: "starter") { [entrance = tasks.writing.borrowed] in
            _ = try? output(of: "true", group: .tasks(entrance))
        }
        var fewest: [String]?
        for _ in 0..<1000 where (fewest?.count ?? .max) > 3 {
            for targets in try Self.descriptorsOfChildren() where targets.contains(pipe) {
                if targets.count < (fewest?.count ?? .max) { fewest = targets }
            }
            usleep(10_000)
        }
        // Its end of its own channel, the file `tasks`, and the one that it is given.
        #expect((fewest?.count ?? .max) <= 3, "\(fewest ?? [])")
        _ = try? tasks.reading.borrowed.readAll(atMost: 1 << 20)
        thread.join()
    }

    @Test("HOSTILE 20: the environment is empty")
    func environment() throws {
        // What the shell sets itself is no finding.
        let (text, _) = try output(of: "tr '\\0' '\\n' < /proc/self/environ | grep -vE '^(PWD|SHLVL|_)='")
        #expect(text == "")
    }

    @Test("a program that is not there is an error that names it and the step")
    func missingProgram() {
        let error = #expect(throws: SpawnError.self) {
            _ = try spawnJailed(.path("/nowhere/program"), arguments: ["program"], descriptors: [])
        }
        #expect(error?.step == .execute)
        #expect(error?.error == .noSuchFileOrDirectory)
        #expect(error?.description == "/nowhere/program: executing the program: No such file or directory")
    }

    @Test("a program that is executed by its descriptor is named by its own word for itself when that fails")
    func unexecutableDescriptor() throws {
        let program = try OwnedDescriptor.open("/dev/null", flags: O_RDONLY)
        let error = #expect(throws: SpawnError.self) {
            _ = try spawnJailed(.descriptor(program.borrowed), arguments: ["swiftlet-vmm"], descriptors: [])
        }
        #expect(error?.description.hasPrefix("swiftlet-vmm: executing the program: ") == true)
    }

    @Test("a closed source descriptor is an error of the step that arranges descriptors")
    func closedDescriptor() {
        let error = #expect(throws: SpawnError.self) {
            _ = try spawnJailed(
                .path("/bin/true"), arguments: ["true"],
                descriptors: [DescriptorAssignment(FileDescriptor(rawValue: 12345), as: 3)])
        }
        #expect(error?.step == .descriptors)
        #expect(error?.error == .badFileDescriptor)
    }

    @Test("a program can be executed by its descriptor")
    func byDescriptor() throws {
        let program = try OwnedDescriptor.open("/bin/true", flags: O_RDONLY)
        let process = try spawnJailed(.descriptor(program.borrowed), arguments: ["true"], descriptors: [])
        var status: CInt = -1
        waitpid(process.processID, &status, 0)
        #expect(status == 0)
    }

    @Test("unconfined means the launcher's own namespaces")
    func unconfined() throws {
        let (text, _) = try output(of: "readlink /proc/self/ns/user /proc/self/ns/mnt", unconfined: true)
        var own = ""
        for kind in ["user", "mnt"] {
            var buffer = [CChar](repeating: 0, count: 64)
            let length = readlink("/proc/self/ns/\(kind)", &buffer, 63)
            own += String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) + "\n"
        }
        #expect(text == own)
    }
}
