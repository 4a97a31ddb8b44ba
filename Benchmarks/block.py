#!/usr/bin/env python3
"""Reads from a file of 1 GiB in a root image: one after the other (1 MiB each) and at random (4 KiB each), with the image mapped
(`--root-transport pmem`, the default) and as a virtio-block device, beside bubblewrap over the same tree.

The image's file is in the host's page cache in all cases: what is measured is the way, not the disk. The guest has 512 MiB, so that
it cannot keep the file. MB/s is by the job's own clock around its reads; counts are from the job's result. Interleaved.
The image is kept in build/bench. Usage: block.py [-n ROUNDS]
"""
import argparse, json, os, shutil, statistics, subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SWIFTLET = os.path.join(ROOT, "build/bin/swiftlet")
OUT = os.path.join(ROOT, "build/bench")
TREE, IMAGE, META = (os.path.join(OUT, name) for name in ("block-tree", "block.erofs", "block-meta.json"))
SIZE = 1 << 30
PROGRAM = """
import os, random, sys, time
mode, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
file = os.open("/gigabyte", os.O_RDONLY)
length = os.fstat(file).st_size
random.seed(1)
places = [i * size for i in range(count)] if mode == "sequential" else [
    random.randrange(length // size) * size for i in range(count)]
buffer = bytearray(size)
begin = time.monotonic()
for place in places:
    if os.preadv(file, [buffer], place) != size: sys.exit("short read")
print(time.monotonic() - begin)
"""
PATTERNS = {"sequential, 1 MiB": ("sequential", SIZE >> 20, 1 << 20), "random, 4 KiB": ("random", 20_000, 4 << 10)}


def make_image():
    if os.path.exists(IMAGE):
        return
    os.makedirs(OUT, exist_ok=True)
    python = json.loads(subprocess.check_output([SWIFTLET, "image", "inspect", "python"]))["path"]
    shutil.rmtree(TREE, ignore_errors=True)
    subprocess.run(["fsck.erofs", "--extract=" + TREE, python], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(TREE, "gigabyte"), "wb") as file:
        for _ in range(SIZE >> 20):
            file.write(os.urandom(1 << 20))
    with open(os.path.join(TREE, "read.py"), "w") as file:
        file.write(PROGRAM)
    subprocess.run(["mkfs.erofs", "--all-root", IMAGE + ".part", TREE], check=True, stdout=subprocess.DEVNULL)
    os.rename(IMAGE + ".part", IMAGE)


def contenders(pattern):
    arguments = ["/usr/bin/python3", "/read.py", *map(str, pattern)]
    run = [SWIFTLET, "run", "--image", IMAGE, "-m", "512M", "--meta", META, "--root-transport"]
    return {
        "bubblewrap": ["bwrap", "--unshare-all", "--ro-bind", TREE, "/", "--dev", "/dev", "--proc", "/proc", *arguments],
        "swiftlet, mapped": [*run, "pmem", "--", *arguments],
        "swiftlet, block": [*run, "block", "--", *arguments],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=5)
    rounds = parser.parse_args().n
    make_image()
    for title, pattern in PATTERNS.items():
        rates, counts = {}, {}
        for _ in range(rounds + 1):   # the first warms the host's page cache
            for name, command in contenders(pattern).items():
                seconds = float(subprocess.check_output(command, stdin=subprocess.DEVNULL))
                rates.setdefault(name, []).append(pattern[1] * pattern[2] / seconds / 1e6)
                if name != "bubblewrap":
                    with open(META) as file:
                        counts[name] = json.load(file)["usage"]
        print("%s, n = %d" % (title, rounds))
        base = statistics.median(rates["bubblewrap"][1:])
        for name, values in rates.items():
            median = statistics.median(values[1:])
            line = "  %-18s %8.0f MB/s   %5.2f x bubblewrap   %8.0f reads/s" % (name, median, median / base, median * 1e6 / pattern[2])
            if name in counts:
                line += "   system calls %d, page faults %d, VM exits %d, notifications %d" % (
                    counts[name]["system_calls"], counts[name]["page_faults"], counts[name]["vm_exits"]["total"],
                    counts[name]["queue_notifications"])
            print(line)


main()
