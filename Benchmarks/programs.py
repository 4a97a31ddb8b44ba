#!/usr/bin/env python3
"""programs.py [-n ROUNDS] [NAME...]: processor time of whole jobs beside bubblewrap, over the same root content.

User and system time of everything that a command starts, until the last of it is gone (the VMM too, which its launcher does not wait for),
all in turn. Beside it the wall time of the command, and what one job's result counts. What is not in an image yet comes into one of this
script's own: a git tree of 20,000 files, and the source of Debian's `hello` for its configure script (fetched from Debian). Programs of
images that are not here are left out, and said.
"""
import argparse, ctypes, json, os, resource, statistics, subprocess, tempfile, time

import contenders as bench

STORE = os.path.join(bench.OUT, "programs-store")
PR_SET_CHILD_SUBREAPER = 36
CHECKPOINT = "open('/dev/checkpoint', 'rb').read()"
HELLO_C = "cd /tmp && printf '#include <stdio.h>\\nint main(void) { puts(\"hello\"); }' >h.c && gcc h.c -o h"
# Name: what it is called, its image, its command, and the command that makes a template of it.
PROGRAMS = {
    "true": ("`true`, cold", "base", ["/bin/true"], None),
    "true-template": ("`true`, from a template", "base", ["/bin/true"], ["sh", "-c", "read x </dev/checkpoint; exit 0"]),
    "python": ("python3 hello", "python", ["/usr/bin/python3", "-c", "print('hello')"], None),
    "json-template": ("python3 with json, from a template", "python", ["/usr/bin/python3", "-c", "import json"],
                      ["python3", "-c", f"import json; {CHECKPOINT}"]),
    "node": ("node hello", "node", ["/usr/bin/node", "-e", "console.log('hello')"], None),
    "gcc": ("`gcc hello.c`", "gcc", ["/bin/sh", "-c", HELLO_C], None),
    "java": ("`java Hello`", "java", ["/usr/bin/java", "-cp", "/opt/java", "Hello"], None),
    "find": ("`find / -xdev \\| wc -l`, image python", "python", ["/bin/sh", "-c", "find / -xdev | wc -l"], None),
    "git": ("`git status`, 20,000 files", "programs-git", ["/usr/bin/git", "-C", "/tree", "status"], None),
    "configure": ("`./configure` of hello", "programs-configure",
                  ["/bin/sh", "-c", "mkdir /tmp/b && cd /tmp/b && /source/configure >/tmp/b/said"], None),
}


def share_store():
    """A store of our own with the images that there are, so that ours do not get among them."""
    shared = os.environ.get("SWIFTLET_HOME") or os.path.expanduser("~/.local/share/swiftlet")
    for part in "images", "blobs":
        os.makedirs(os.path.join(STORE, part), exist_ok=True)
        for name in os.listdir(os.path.join(shared, part)):
            link = os.path.join(STORE, part, name)
            if os.path.islink(link):
                os.remove(link)
            if not os.path.exists(link):
                os.symlink(os.path.join(shared, part, name), link)
    os.environ["SWIFTLET_HOME"] = STORE


def has_image(name):
    return os.path.exists(os.path.join(STORE, "images", name))


def add_image(name, base, fill):
    """Imports `base` with what `fill` puts into its tree as the image `name`."""
    if has_image(name) or not has_image(base):
        return
    with tempfile.TemporaryDirectory(dir=bench.OUT) as folder:
        tree = os.path.join(folder, "tree")
        subprocess.run(["cp", "-a", bench.unpacked(base), tree], check=True)
        fill(tree, folder)
        subprocess.run([bench.SWIFTLET, "image", "import", tree, name], check=True, stdout=subprocess.DEVNULL)


def fill_git(tree, _):
    root = os.path.join(tree, "tree")
    for i in range(200):
        os.makedirs(os.path.join(root, f"d{i}"))
        for k in range(100):
            path = os.path.join(root, f"d{i}", f"f{k}")
            with open(path, "w") as file:
                file.write(f"{i} {k}\n" * 20)
            # Older than the index, so that git trusts what that says.
            os.utime(path, (1700000000, 1700000000))
    git = ["git", "-C", root, "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run(["git", "init", "-q", root], check=True)
    # An image keeps no inode numbers and change times.
    subprocess.run(git + ["config", "core.checkStat", "minimal"], check=True)
    subprocess.run(git + ["config", "core.trustctime", "false"], check=True)
    subprocess.run(git + ["add", "."], check=True)
    subprocess.run(git + ["commit", "-qm", "all"], check=True)
    with open(os.path.join(tree, "etc/gitconfig"), "w") as file:
        file.write("[safe]\n\tdirectory = *\n")


def fill_configure(tree, folder):
    script = f'. "{bench.ROOT}/images/debian.sh"; debian_source hello "{folder}/source"'
    subprocess.run(["sh", "-c", script], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.rename(os.path.join(folder, "source/hello"), os.path.join(tree, "source"))


def template(name, image, command):
    subprocess.run([bench.SWIFTLET, "template", "rm", name], stderr=subprocess.DEVNULL)
    subprocess.run([bench.SWIFTLET, "template", "create", name, "-q", "--image", image, "--", *command], check=True)
    return [bench.SWIFTLET, "run", "--template", name]


def contenders(name):
    _, image, command, checkpoint = PROGRAMS[name]
    ours = template(name, image, checkpoint) if checkpoint else bench.swiftlet(image, *command)
    return bench.bubblewrap(image, *command), ours


def used(command):
    """Processor and wall milliseconds of the command and of all that came of it."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    wall = time.monotonic() - began
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3, wall * 1e3


def counts(meta):
    """What a job's result counts."""
    with open(meta) as file:
        usage = json.load(file)["usage"]
    return [str(usage[what]) for what in ("system_calls", "page_faults", "page_table_writes", "processes")]


def measure(pairs, rounds, meta):
    """All pairs in turn: of each, what bubblewrap used and what swiftlet did, and what the last job counted."""
    rows, counted = {name: ([], []) for name in pairs}, {}
    for i in range(rounds):
        for name, (theirs, ours) in pairs.items():
            rows[name][0].append(used(theirs))
            if i < rounds - 1:
                rows[name][1].append(used(ours))
            else:
                rows[name][1].append(used(ours[:2] + ["--meta", meta] + ours[2:]))
                counted[name] = counts(meta)
    return rows, counted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=7)
    parser.add_argument("name", nargs="*", help=", ".join(PROGRAMS))
    options = parser.parse_args()
    names = options.name or list(PROGRAMS)
    if unknown := [name for name in names if name not in PROGRAMS]:
        parser.error("no program " + ", ".join(unknown))
    share_store()
    if "git" in names:
        add_image("programs-git", "shell", fill_git)
    if "configure" in names:
        add_image("programs-configure", "gcc", fill_configure)
    absent = [name for name in names if not has_image(PROGRAMS[name][1])]
    pairs = {name: contenders(name) for name in names if name not in absent}
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    print(f"{bench.machine()}, n = {options.n}, medians in milliseconds\n")
    with tempfile.TemporaryDirectory() as folder:
        rows, counted = measure(pairs, options.n, os.path.join(folder, "meta"))
    heads = ["", "bubblewrap, processor", "swiftlet, processor", "×", "bubblewrap, wall", "swiftlet, wall", "×",
             "calls", "faults", "table writes", "processes"]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for name, (theirs, ours) in rows.items():
        cells = []
        for which in range(2):
            their, our = (statistics.median(time[which] for time in row) for row in (theirs, ours))
            cells += [f"{their:.1f}", f"{our:.1f}", f"{our / their:.2f}"]
        print("| " + " | ".join([PROGRAMS[name][0]] + cells + counted[name]) + " |")
    for name in absent:
        print(f"left out: {name}: no image {PROGRAMS[name][1]} here")
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


main()
