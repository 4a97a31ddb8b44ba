#!/usr/bin/env python3
"""idle-templates.py [-n VMS]: so many restored guests at once, each waiting for its input; what one costs, then a line through each.

PSS of swiftlet and swiftlet-vmm from /proc, and what MemAvailable lost for each in all, the host kernel's own part included. Uses a
store of its own in build/bench, images by link.
"""
import argparse, os, re, subprocess, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SWIFTLET = os.path.join(ROOT, "build/bin/swiftlet")
STORE = os.path.join(ROOT, "build/bench/template-store")


def own_store():
    """Images by link, templates for this run only."""
    images = os.environ.get("SWIFTLET_HOME") or os.path.expanduser("~/.local/share/swiftlet")
    os.makedirs(STORE, exist_ok=True)
    for part in "images", "blobs":
        link = os.path.join(STORE, part)
        if not os.path.islink(link):
            os.symlink(os.path.join(images, part), link)
    os.environ["SWIFTLET_HOME"] = STORE


def create(name, *words):
    subprocess.run([SWIFTLET, "template", "rm", name], stderr=subprocess.DEVNULL)
    subprocess.run([SWIFTLET, "template", "create", name, "-q", *words], check=True)


def available():
    return int(re.search(r"MemAvailable:\s+(\d+)", open("/proc/meminfo").read())[1])


def pss(pid):
    return int(re.search(r"Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read())[1])


def child(pid):
    """The VMM of a launcher. Its cgroup's sweeper may be another child."""
    for task in open(f"/proc/{pid}/task/{pid}/children").read().split():
        if open(f"/proc/{task}/comm").read().strip() == "swiftlet-vmm":
            return int(task)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=100)
    count = parser.parse_args().n
    own_store()
    create("idle", "-m", "64M", "--", "sh", "-c", "read x </dev/checkpoint; echo ready; read line; echo got $line")
    before = available()
    jobs = []
    for number in range(count):
        jobs.append(subprocess.Popen([SWIFTLET, "run", "-i", "--template", "idle"], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        # Its first line: the guest goes on from its checkpoint.
        assert jobs[-1].stdout.readline() == b"ready\n", f"VM {number} did not come up"
    time.sleep(1)
    lost = available()
    launchers = [pss(job.pid) for job in jobs]
    machines = [pss(child(job.pid)) for job in jobs]
    print(f"{count} idle VMs: PSS swiftlet-vmm {sum(machines) / count / 1024:.2f} MiB, swiftlet {sum(launchers) / count / 1024:.2f} MiB; "
          f"MemAvailable lost {(before - lost) / count / 1024:.2f} MiB each")
    good = 0
    for number, job in enumerate(jobs):
        output, _ = job.communicate(b"%d\n" % number)
        good += job.returncode == 0 and output == b"got %d\n" % number
    print(f"a job in each: {good} of {count} right")


main()
