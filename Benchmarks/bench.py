#!/usr/bin/env python3
"""What a whole job costs here, beside the same program without a VM.

Every contender runs once a round, in turn (A B C A B C …), so that a noisy minute hits all of them; only ratios within one
run mean anything. Whole job: from exec of the command to the caller having its exit status. Gone: until every process it
started has ended too (closing a KVM VM takes milliseconds, and nobody should wait for it).

The plain process is the host's own program; bubblewrap runs the image's program over the image's own content, unpacked.
CPU is the processor time of all processes that a command started, the guest's own included: on a busy machine its ratio
says more than that of the times. Raw numbers are kept in build/bench/. Usage: bench.py [-n ROUNDS] [--only SUBSTRING]
"""
import argparse, ctypes, json, os, platform, resource, shutil, signal, statistics, subprocess, sys, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SWIFTLET = os.path.join(ROOT, "build/bin/swiftlet")
OUT = os.path.join(ROOT, "build/bench")
META = os.path.join(OUT, "meta.json")
PR_SET_CHILD_SUBREAPER = 36


def unpacked(image):
    """A folder with the image's content, unpacked once for each digest."""
    store = os.environ.get("SWIFTLET_HOME") or os.path.expanduser("~/.local/share/swiftlet")
    record = open(os.path.join(store, "images", image)).read()
    digest = next(word for word in record.replace(":", " ").replace("=", " ").split()
                  if len(word) == 64 and all(c in "0123456789abcdef" for c in word))
    folder = os.path.join(OUT, "root-" + digest[:16])
    if not os.path.isdir(folder):
        subprocess.run(["fsck.erofs", "--extract=" + folder + ".part",
                        os.path.join(store, "blobs", "sha256-%s.erofs" % digest)], check=True, stdout=subprocess.DEVNULL)
        os.rename(folder + ".part", folder)
    return folder


def bubblewrap(image, *command):
    return ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", unpacked(image), "/", "--dev", "/dev",
            "--proc", "/proc", "--tmpfs", "/tmp", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin", *command]


def swiftlet(image, *command):
    return [SWIFTLET, "run", "--image", image, "--", *command]


def runtimes():
    """Big programs of the images that Tests/programs uses; those whose image is not built are left out. Under bubblewrap the
    same program runs over the same tree; there is no plain process to compare with."""
    hello_c = "echo '#include <stdio.h>\nint main(void) { puts(\"hello\"); }' >/tmp/hello.c && gcc /tmp/hello.c -o /tmp/hello"
    commands = {
        "node hello": ("node", ["/usr/bin/node", "-e", "console.log('hello')"]),
        "gcc hello.c": ("gcc", ["/bin/sh", "-c", hello_c]),
        "java Hello": ("java", ["/usr/bin/java", "-cp", "/opt/java", "Hello"]),
    }
    store = os.environ.get("SWIFTLET_HOME") or os.path.expanduser("~/.local/share/swiftlet")
    return {
        title: {"bubblewrap": bubblewrap(image, *command), "swiftlet": swiftlet(image, *command)}
        for title, (image, command) in commands.items() if os.path.exists(os.path.join(store, "images", image))
    }


def contenders():
    hello = "print('hello')"
    return {
        "true": {
            "plain /bin/true": ["/bin/true"],
            "bubblewrap": bubblewrap("base", "/bin/true"),
            "swiftlet": swiftlet("base", "/bin/true"),
        },
        "sh -c 'echo hi'": {
            "plain busybox": ["busybox", "sh", "-c", "echo hi"],
            "bubblewrap": bubblewrap("base", "/bin/sh", "-c", "echo hi"),
            "swiftlet": swiftlet("base", "sh", "-c", "echo hi"),
        },
        "python3 hello": {
            "plain python3": [shutil.which("python3", path="/usr/bin") or shutil.which("python3"), "-c", hello],
            "bubblewrap": bubblewrap("python", "/usr/bin/python3", "-c", hello),
            "swiftlet": swiftlet("python", "python3", "-c", hello),
        },
        "python3 import json, re, subprocess": {
            "plain python3": [shutil.which("python3", path="/usr/bin") or shutil.which("python3"), "-c",
                              "import json, re, subprocess"],
            "bubblewrap": bubblewrap("python", "/usr/bin/python3", "-c", "import json, re, subprocess"),
            "swiftlet": swiftlet("python", "python3", "-c", "import json, re, subprocess"),
        },
    } | runtimes()


def processor_time():
    """Of all descendants that have ended and been waited for, in microseconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def once(command):
    """Runs a command; its status, the two times and the processor time in microseconds."""
    used = processor_time()
    start = time.perf_counter_ns()
    null = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=null)
    _, status = os.waitpid(pid, 0)
    done = time.perf_counter_ns()
    while True:   # what it left behind is ours now (subreaper)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    gone = (time.perf_counter_ns() - start) / 1000
    return os.waitstatus_to_exitcode(status), (done - start) / 1000, gone, processor_time() - used


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(p * len(values)))]


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split()
    kind = "hardware" if "svm" in flags or "vmx" in flags else "ring-deprivileged (no svm or vmx here)"
    return "%s, %d cores, Linux %s, KVM: %s, %s" % (
        model, os.cpu_count(), platform.release(), kind, time.strftime("%Y-%m-%d"))


def flatten(value, prefix=""):
    """Every number of a result, by dotted name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, prefix + key + ".")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield prefix[:-1], value


def run_group(title, group, rounds):
    times = {name: [] for name in group}
    for number in range(rounds + 2):   # two rounds to warm caches, not counted
        for name, command in group.items():
            status, whole, gone, processor = once(command)
            if status != 0:
                sys.exit("bench: %s: %s ended with status %d: %s" % (title, name, status, " ".join(command)))
            if number >= 2:
                times[name].append((whole, gone, processor))
    print("\n%s, n = %d" % (title, rounds))
    print("  %-18s %10s %10s %10s %14s %14s %12s %14s" % (
        "", "median ms", "p99 ms", "max ms", "gone, median", "× bubblewrap", "CPU, median", "× bubblewrap"))
    base = statistics.median(value[0] for value in times["bubblewrap"])
    processor_base = statistics.median(value[2] for value in times["bubblewrap"])
    for name, values in times.items():
        whole = [value[0] for value in values]
        median = statistics.median(whole)
        processor = statistics.median(value[2] for value in values)
        print("  %-18s %10.2f %10.2f %10.2f %14.2f %14.2f %12.2f %14.2f" % (
            name, median / 1000, percentile(whole, 0.99) / 1000, max(whole) / 1000,
            statistics.median(value[1] for value in values) / 1000, median / base, processor / 1000,
            processor / processor_base))
    return times


def run_ledger(title, command, rounds):
    """Where swiftlet's time goes: its own phases and counts, one result file a job."""
    numbers = {}
    command = command[:2] + ["--meta", META] + command[2:]
    for _ in range(rounds):
        status = once(command)[0]
        if status != 0:
            sys.exit("bench: status %d: %s" % (status, " ".join(command)))
        for name, value in flatten(json.load(open(META))):
            numbers.setdefault(name, []).append(value)
    print("\n%s, the ledger of swiftlet, n = %d (times in µs)" % (title, rounds))
    for name, values in numbers.items():
        if not name.startswith(("timing.", "usage.")) or max(values) == 0:
            continue
        print("  %-36s median %12.0f   p90 %12.0f   p99 %12.0f" % (
            name, statistics.median(values), percentile(values, 0.9), percentile(values, 0.99)))
    return numbers


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("-n", "--rounds", type=int, default=100)
    arguments.add_argument("--only", default="", help="only the groups whose title contains this")
    options = arguments.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.makedirs(OUT, exist_ok=True)
    print(machine())
    raw = {"machine": machine(), "rounds": options.rounds}
    for title, group in contenders().items():
        if options.only in title:
            raw[title] = run_group(title, group, options.rounds)
            raw[title + ", ledger"] = run_ledger(title, group["swiftlet"], min(options.rounds, 50))
    path = os.path.join(OUT, time.strftime("raw-%Y%m%d-%H%M%S.json"))
    with open(path, "w") as file:
        json.dump(raw, file)
    print("\nraw numbers: " + os.path.relpath(path, ROOT))


if __name__ == "__main__":
    main()
