#!/usr/bin/env python3
"""What prepared machines are worth: a whole job cold, from a pool, and under bubblewrap, in turn; and a batch cold beside
one with shells, in turn too, with how busy the processors were. Ratios within one run are what counts.

Between two jobs it waits until the pool's machines are there again: latency is what a shell is for. The wait is the same
for all. Usage: shells.py [-n ROUNDS] [--jobs N] [--batches N] [--shells N,N] [--memory LINES,LINES]
--memory: peak resident memory of `swiftlet batch` over so many lines, each a job that ends before its machine's start
(an input file that is not there), which is all of the batch except the machines.
"""
import argparse, json, os, statistics, subprocess, tempfile, time

from contenders import OUT, SWIFTLET, unpacked


def bubblewrap(*command):
    """Over the base image's content, with nothing else in it."""
    return ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", unpacked("base"), "/", *command]


parser = argparse.ArgumentParser()
parser.add_argument("-n", type=int, default=50)
parser.add_argument("--jobs", type=int, default=2000)
parser.add_argument("--batches", type=int, default=1)
parser.add_argument("--shells", default="0,2,4")
parser.add_argument("--memory", default="")
options = parser.parse_args()
os.makedirs(OUT, exist_ok=True)
folder = tempfile.mkdtemp()
socket = os.path.join(folder, "s")


def share(values, part):
    return sorted(values)[max(0, -(-len(values) * part // 100) - 1)]


def whole_jobs():
    pool = subprocess.Popen([SWIFTLET, "pool", "-q", "--socket", socket, "--size", "2"])
    while not os.path.exists(socket):
        time.sleep(0.01)
    commands = {
        "bubblewrap": bubblewrap("/bin/true"),
        "swiftlet cold": [SWIFTLET, "run", "--", "/bin/true"],
        "swiftlet --pool": [SWIFTLET, "run", "--pool=" + socket, "--", "/bin/true"],
    }
    times = {name: [] for name in commands}
    for _ in range(options.n):
        for name, command in commands.items():
            time.sleep(0.04)
            began = time.monotonic()
            subprocess.run(command, check=True)
            times[name].append((time.monotonic() - began) * 1e3)
    pool.terminate()
    pool.wait()
    base = statistics.median(times["bubblewrap"])
    for name, values in times.items():
        print(f"{name:18} p50 {statistics.median(values):6.2f} ms  p95 {share(values, 95):6.2f}  "
              f"min {min(values):6.2f}  {statistics.median(values) / base:.2f} x bubblewrap")
    return times


def busy():
    with open("/proc/stat") as file:
        numbers = [int(word) for word in file.readline().split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)


def batches():
    jobs = os.path.join(folder, "jobs")
    with open(jobs, "w") as file:
        file.write('{"command":["true"]}\n' * options.jobs)
    for _ in range(options.batches):
        for shells in options.shells.split(","):
            before = busy()
            run = subprocess.run([SWIFTLET, "batch", "--shells", shells, "--unordered", jobs], capture_output=True, text=True)
            after = busy()
            prepared = run.stdout.count('"prepared":true')
            share = 100 * (after[0] - before[0]) / max(1, after[1] - before[1])
            print(f"shells {shells}: {run.stderr.strip()[len('swiftlet: '):]}; prepared {prepared}; "
                  f"processors {share:.0f} % busy (with all else on this machine)", flush=True)


def memory():
    for count in options.memory.split(","):
        jobs = os.path.join(folder, "lines")
        with open(jobs, "w") as file:
            file.write('{"command":["true"],"in":"/no/such/file"}\n' * int(count))
        process = subprocess.Popen([SWIFTLET, "batch", "-q", jobs], stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        print(f"{count} lines: {usage.ru_maxrss} KiB at most", flush=True)


if options.n:
    times = whole_jobs()
    with open(os.path.join(OUT, "shells.json"), "w") as file:
        json.dump(times, file)
if options.jobs:
    batches()
if options.memory:
    memory()
