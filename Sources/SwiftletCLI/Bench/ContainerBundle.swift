/// What an OCI runtime is given to run the same job: config.json of the OCI runtime specification 1.0, with namespaces of
/// every kind, a read-only root and no capability, as near to bubblewrap's `--unshare-all` as the format comes.
struct ContainerBundle {
    /// The directory with the image's content.
    let root: String
    let command: [String]
    /// A program to show inside as /tmp/spin; nil: none.
    let spin: String?

    var configuration: String {
        var json = JSONWriter()
        json.object {
            $0.string("ociVersion", "1.0.2")
            $0.object("process") {
                $0.boolean("terminal", false)
                $0.object("user") { user in
                    user.number("uid", 0)
                    user.number("gid", 0)
                }
                $0.array("args") { list in command.forEach { list.string($0) } }
                $0.array("env") { $0.string("PATH=/usr/bin:/bin") }
                $0.string("cwd", "/")
                $0.boolean("noNewPrivileges", true)
            }
            $0.object("root") {
                $0.string("path", root)
                $0.boolean("readonly", true)
            }
            $0.array("mounts") {
                Self.mount(&$0, "/proc", type: "proc", source: "proc")
                Self.mount(&$0, "/dev", type: "tmpfs", source: "tmpfs")
                Self.mount(&$0, "/tmp", type: "tmpfs", source: "tmpfs")
                if let spin { Self.mount(&$0, "/tmp/spin", type: "bind", source: spin, options: ["bind", "ro"]) }
            }
            $0.object("linux") {
                $0.array("namespaces") { list in
                    for kind in ["pid", "network", "ipc", "uts", "mount", "cgroup"] {
                        list.object { $0.string("type", kind) }
                    }
                }
            }
        }
        return json.text
    }

    private static func mount(
        _ json: inout JSONWriter, _ destination: String, type: String, source: String,
        options: [String] = []
    ) {
        json.object {
            $0.string("destination", destination)
            $0.string("type", type)
            $0.string("source", source)
            $0.array("options") { list in options.forEach { list.string($0) } }
        }
    }
}
