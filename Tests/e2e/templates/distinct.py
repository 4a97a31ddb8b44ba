#!/usr/bin/env python3
"""distinct.py SWIFTLET N [PARALLEL]: restores one template of python3 N times and looks for what two jobs have in common.

Each job prints os.urandom, getrandom, uuid4, /proc/sys/kernel/random/uuid, the boot's name, and what `random` draws after it
was seeded anew, and its clock. No two of all values may be the same, the boot's name but within one job, and the clock must show a time between
the launch and the end of its job. $SWIFTLET_HOME is where the images are and the template goes. Prints a line of counts; status 1 if
anything was the same or out of time.
"""
import concurrent.futures, os, subprocess, sys, time

swiftlet, count = sys.argv[1], int(sys.argv[2])
parallel = int(sys.argv[3]) if len(sys.argv) > 3 else 2
PROGRAM = """
import os, random, sys, time, uuid
with open('/dev/checkpoint', 'rb') as file: file.read()
now = time.time_ns()
random.seed()
print(now, os.urandom(16).hex(), os.getrandom(16).hex(), uuid.uuid4(), open('/proc/sys/kernel/random/uuid').read().strip(),
      open('/proc/sys/kernel/random/boot_id').read().strip(), random.getrandbits(64), open('/dev/urandom', 'rb').read(16).hex())
"""
NAME = "distinct"
subprocess.run([swiftlet, "template", "rm", NAME], stderr=subprocess.DEVNULL)
subprocess.run([swiftlet, "template", "create", NAME, "-q", "-m", "64M", "--image", "python", "--", "python3", "-c", PROGRAM], check=True)


def restore(_):
    before = time.time_ns()
    done = subprocess.run([swiftlet, "run", "--template", NAME], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    after = time.time_ns()
    words = done.stdout.split()
    if done.returncode or len(words) != 8:
        return f"status {done.returncode}: {done.stderr.strip()}", []
    # Out of [before, after] by more than 10 ms is wrong, whatever else this machine is doing.
    off = max(before - int(words[0]), int(words[0]) - after, 0)
    return (f"the clock is {off / 1e6:.1f} ms off" if off > 10_000_000 else ""), words[1:]


began = time.monotonic()
with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
    results = list(pool.map(restore, range(count)))
problems = [problem for problem, _ in results if problem]
values = [value for _, words in results for value in words]
repeated = len(values) - len(set(values))
print(f"{count} restores, {len(values)} values, {repeated} repeated, {len(problems)} problems, "
      f"{count / (time.monotonic() - began):.0f} restores a second")
for problem in problems[:5]:
    print(problem)
sys.exit(1 if repeated or problems or len(values) != 7 * count else 0)
