#!/usr/bin/env python3
"""templates.py [-n ROUNDS]: whole jobs from templates beside bubblewrap doing the same from nothing, and beside cold boots.

From exec of the command to the caller having its exit status; every contender once a round, in turn, so only the ratios of one run mean
anything. "pool" is the template's machines restored beforehand (`swiftlet pool --template`), two of them, given 50 ms to come back. Templates are made anew in a store of this script's own, images by link; what the images `python` or `numpy` lack is left out.
"""
import argparse, os, statistics, subprocess, tempfile, time

import contenders as bench

STORE = os.path.join(bench.OUT, "template-store")
CHECKPOINT = "open('/dev/checkpoint', 'rb').read()"
JSON, NUMPY = "import json", "import json, numpy; numpy.arange(10).sum()"


def template(name, image, *command):
    subprocess.run([bench.SWIFTLET, "template", "rm", name], stderr=subprocess.DEVNULL)
    subprocess.run([bench.SWIFTLET, "template", "create", name, "-q", "--image", image, *command], check=True)
    return [bench.SWIFTLET, "run", "--template", name]


def contenders(images):
    true = ["/usr/bin/true"]
    jobs = {"true": {
        "bubblewrap": bench.bubblewrap("base", *true), "cold": bench.swiftlet("base", *true),
        "template of the kernel": template("kernel", "base") + ["--", *true],
        "template of a shell": template("shell", "base", "--", "sh", "-c", "read x </dev/checkpoint; exit 0")}}
    for image, program in ("python", JSON), ("numpy", NUMPY):
        if not os.path.exists(os.path.join(images, "images", image)):
            continue
        head, _, tail = program.partition(";")
        words = ["/usr/bin/python3", "-c", program]
        jobs[f"python3 -c '{program}'"] = {
            "bubblewrap": bench.bubblewrap(image, *words), "cold": bench.swiftlet(image, *words),
            "template": template(image, image, "--", "python3", "-c", f"{head}; {CHECKPOINT};{tail}")}
    return jobs


def with_pools(jobs, folder):
    """Adds the last contender of each job, on machines that a pool keeps; returns the pools."""
    pools = []
    for group in jobs.values():
        name, command = list(group.items())[-1]
        socket = os.path.join(folder, str(len(pools)))
        pools.append(subprocess.Popen([bench.SWIFTLET, "pool", "-q", "--socket", socket] + command[2:4]))
        group[name + ", pool"] = command[:2] + ["--pool=" + socket] + command[2:]
    time.sleep(1)
    return pools


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=50)
    rounds = parser.parse_args().n
    images = os.environ.get("SWIFTLET_HOME") or os.path.expanduser("~/.local/share/swiftlet")
    os.makedirs(STORE, exist_ok=True)
    for part in "images", "blobs":
        link = os.path.join(STORE, part)
        if os.path.islink(link):
            os.remove(link)
        os.symlink(os.path.join(images, part), link)
    os.environ["SWIFTLET_HOME"] = STORE
    jobs = contenders(images)
    with tempfile.TemporaryDirectory() as folder:
        pools = with_pools(jobs, folder)
        times = {(title, name): [] for title, group in jobs.items() for name in group}
        for _ in range(rounds):
            for title, group in jobs.items():
                for name, command in group.items():
                    began = time.monotonic()
                    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
                    times[title, name].append((time.monotonic() - began) * 1e3)
                    if name.endswith("pool"):
                        time.sleep(0.05)
        for pool in pools:
            pool.terminate()
            pool.wait()
    print(f"{bench.machine()}, n = {rounds}, milliseconds")
    for (title, name), values in times.items():
        values.sort()
        reference = statistics.median(times[title, "bubblewrap"])
        print(f"{title:58.58} {name:24} median {statistics.median(values):7.1f}  least {values[0]:7.1f}  "
              f"p99 {values[min(len(values) - 1, int(len(values) * 0.99))]:7.1f}  x bubblewrap {statistics.median(values) / reference:5.2f}")


main()
