"""What jobs can leave on a host, counted exactly: processes by descent, mounts, control groups, descriptors, files.

Exact although other people's jobs run on the same machine: a process counts if this one is its ancestor (orphans are
adopted, so none gets away), a mount if it is in our namespace, a file if it is where our jobs may write or carries
swiftlet's name.
"""
import ctypes, os, signal, sys, time

LOOKS, PAUSE = 100, 0.01  # a second on an idle machine; on a busy one the looks themselves take longer
PR_SET_CHILD_SUBREAPER = 36
# Other tests of this project make these for themselves, and may run beside us.
OTHERS = ("swiftlet-fuzz-", "swiftlet-test-", "swiftlet-erofs-")


def adopt_orphans():
    """From now on a process whose parent dies below us becomes our child, as init's elsewhere."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("prctl(PR_SET_CHILD_SUBREAPER): refused")


def processes():
    """{pid: (parent, state, name)} of all there are."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    head, tail = file.read().rsplit(b")", 1)
            except OSError:
                continue  # gone meanwhile
            state, parent = tail.split()[:2]
            found[int(entry)] = (int(parent), state.decode(), head.split(b"(", 1)[1].decode(errors="replace"))
    return found


def descendants(of):
    """{pid: (parent, state, name)} of what `of` has started, and what that has started."""
    every = processes()
    below, level = {}, {of}
    while level:
        level = {pid for pid, (parent, _, _) in every.items() if parent in level}
        below.update((pid, every[pid]) for pid in level)
    return below


def orphans(known):
    """What lives below us and is neither of `known` nor below one of them. The dead among our own children are reaped."""
    left = []
    spared = set(known)
    for pid in known:
        spared |= descendants(pid).keys()
    for pid, (parent, state, name) in descendants(os.getpid()).items():
        if pid in spared:
            continue
        if state in "ZX" and parent == os.getpid():
            os.waitpid(pid, 0)
        else:
            left.append(f"process {name} ({state})")
    return left


def end_descendants():
    """Whatever we have started and not waited for."""
    for pid, (parent, state, _) in descendants(os.getpid()).items():
        if state not in "ZX":
            os.kill(pid, signal.SIGKILL)
        if parent == os.getpid():
            os.waitpid(pid, 0)


def is_ours(name):
    return "swiftlet" in name and not name.startswith(OTHERS)


def is_empty_group(path):
    try:
        with open(path + "/cgroup.procs") as file:
            return not file.read()
    except OSError:
        return False


def things():
    """Everything but processes, as a set of lines."""
    found = set()
    with open("/proc/self/mountinfo") as file:
        found.update("mount " + line.strip() for line in file)
    for path, folders, _ in os.walk("/sys/fs/cgroup"):
        # One with processes belongs to a job that runs: another user's.
        found.update(f"cgroup {path}/{f}" for f in folders if is_ours(f) and is_empty_group(f"{path}/{f}"))
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run"):
        found.update(f"file {folder}/{name}" for name in os.listdir(folder) if is_ours(name))
    for root in (os.environ["TMPDIR"], os.environ["XDG_RUNTIME_DIR"], os.getcwd()):
        for path, folders, files in os.walk(root):
            found.update(f"file {path}/{name}" for name in folders + files)
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(f"descriptor {number} {os.readlink('/proc/self/fd/' + number)}")
        except OSError:
            pass  # of the listing itself
    return found


def left_behind(before, known=(), besides=lambda thing: False):
    """What is left once a second has passed, and how many milliseconds it took until nothing was. `known`: processes that may
    be there; `besides`: whether a thing may."""
    began = time.monotonic()
    for _ in range(LOOKS):
        left = orphans(known) + sorted(thing for thing in things() - before if not besides(thing))
        if not left:
            break
        time.sleep(PAUSE)
    return left, (time.monotonic() - began) * 1000
