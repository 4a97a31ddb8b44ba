#!/usr/bin/env python3
"""What confinement costs: the whole job `true`, with the jail (swiftlet) and without any (build/bin/swiftlet-unconfined, which
`make bench` builds): no namespaces, no empty root, no filters. Interleaved, the order changing every round.

Usage: confinement.py [-n ROUNDS]
"""
import argparse, os, statistics, subprocess, time

BIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build/bin")
CONTENDERS = ["swiftlet", "swiftlet-unconfined"]


def whole_job(program):
    """Milliseconds from exec to exit status."""
    begin = time.monotonic_ns()
    subprocess.run([os.path.join(BIN, program), "run", "--", "true"], check=True, stdin=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return (time.monotonic_ns() - begin) / 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=200)
    rounds = parser.parse_args().n
    times = {program: [] for program in CONTENDERS}
    for program in CONTENDERS:
        whole_job(program)
    for i in range(rounds):
        for program in CONTENDERS if i % 2 else reversed(CONTENDERS):
            times[program].append(whole_job(program))
    for program, values in times.items():
        q = statistics.quantiles(values, n=20)
        print(f"{program:20} median {statistics.median(values):6.2f} ms   p25 {q[4]:6.2f}   p75 {q[14]:6.2f}   min {min(values):6.2f}")
    pairs = [a - b for a, b in zip(*(times[program] for program in CONTENDERS))]
    print(f"confinement costs {statistics.median(pairs):.2f} ms (median of {rounds} pairs; aim: at most 2)")


main()
