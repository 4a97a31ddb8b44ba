#!/usr/bin/env python3
"""What the ledger costs: the job `true` with its result thrown away, written to a file (`--meta`) and printed as a table (`-v`).

The ledger itself is always kept. Its cost is clocks read in user space (vDSO) and counters incremented; what could cost a system call
shows in the counts: of CLI and VMM together, by strace, in a job of each kind, the lowest of several because the number of
wake-ups varies by a few. Times are interleaved, the order changing every round. Usage: ledger.py [-n ROUNDS]
"""
import argparse, collections, os, statistics, subprocess, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SWIFTLET = os.path.join(ROOT, "build/bin/swiftlet")
STRACES = 5
# What reads a clock or a counter by a system call; the vDSO makes none.
CLOCKS = ["clock_gettime", "gettimeofday", "times", "getrusage"]


def variants(folder):
    return {
        "no result": [SWIFTLET, "run", "--", "true"],
        "--meta FILE": [SWIFTLET, "run", "--meta", os.path.join(folder, "meta.json"), "--", "true"],
        "-v": [SWIFTLET, "run", "-v", "--", "true"],
    }


def counts(folder, command):
    """System calls by name, of every process and thread."""
    log = os.path.join(folder, "strace")
    subprocess.run(["strace", "-f", "-c", "-o", log, *command], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = collections.Counter()
    for line in open(log):
        words = line.split()
        if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total":
            found[words[-1]] = int(words[3])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=200)
    rounds = parser.parse_args().n
    with tempfile.TemporaryDirectory() as folder:
        commands = variants(folder)
        plain = None
        for name, command in commands.items():
            lowest = min((counts(folder, command) for _ in range(STRACES)), key=lambda found: sum(found.values()))
            plain = plain or lowest
            more = {call: lowest[call] - plain[call] for call in sorted(lowest | plain) if lowest[call] != plain[call]}
            print("%-12s %4d system calls, of them reading clocks: %s; against no result: %s" % (
                name, sum(lowest.values()), {call: lowest[call] for call in CLOCKS if lowest[call]} or "none",
                ", ".join("%s %+d" % item for item in more.items()) or "the same"))
        times = {name: [] for name in commands}
        names = list(commands)
        for number in range(rounds + 2):
            for name in names if number % 2 else reversed(names):
                begin = time.monotonic_ns()
                subprocess.run(commands[name], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
                if number >= 2:
                    times[name].append((time.monotonic_ns() - begin) / 1e6)
        for name, values in times.items():
            pairs = [a - b for a, b in zip(values, times["no result"])]
            print("%-12s median %6.2f ms   p10 %6.2f   over no result %+.3f ms (median of %d pairs)" % (
                name, statistics.median(values), statistics.quantiles(values, n=10)[0], statistics.median(pairs), rounds))


main()
