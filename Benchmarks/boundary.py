#!/usr/bin/env python3
"""What crossing into the kernel costs a program (boundary.c), in a job and under bubblewrap, in turn; microseconds, medians and least values.

Only the ratios mean anything, and on a ring-deprivileged KVM they differ from host to host: `syscall` itself is 1.2 µs on an AMD EPYC
and 28 and more on an Intel Xeon, where it goes through the hypervisor. Usage: boundary.py [-n RUNS] [--swiftlet FILE]... (other builds,
each in turn)
"""
import argparse, os, statistics, subprocess, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def figures(command):
    text = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    return {line[:28].strip(): float(line[28:]) for line in text.splitlines()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=5)
    parser.add_argument("--swiftlet", action="append", help="more than one: each in turn")
    options = parser.parse_args()
    builds = options.swiftlet or [os.path.join(ROOT, "build/bin/swiftlet")]
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "boundary")
        subprocess.run(["gcc", "-O1", "-static", "-o", program, os.path.join(ROOT, "Benchmarks/boundary.c")], check=True)
        commands = {build: [build, "run", "-m", "512M", "--in", program, "--", "./boundary", "20000"] for build in builds}
        commands["bubblewrap"] = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--bind", folder, folder, "--dev", "/dev",
                                  program, "20000"]
        rows = {name: [] for name in commands}
        for _ in range(options.n):
            for name, command in commands.items():
                rows[name].append(figures(command))
    beside = {what: statistics.median(row[what] for row in rows["bubblewrap"]) for what in rows["bubblewrap"][0]}
    for name, runs in rows.items():
        print(f"{name}, {options.n} runs: median, least, x bubblewrap's median")
        for what in beside:
            values = [row[what] for row in runs]
            middle = statistics.median(values)
            print(f"  {what:28} {middle:10.2f} {min(values):10.2f} {middle / beside[what]:8.2f}")


main()
