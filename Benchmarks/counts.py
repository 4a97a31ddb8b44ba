#!/usr/bin/env python3
"""What the guest kernel's work costs in counts that do not jitter, compared with the checked-in table Benchmarks/counts.txt.

A job does an operation 0 and 200 times; the difference by 200 is what one costs. Whole jobs are counted whole. Where addresses are
drawn at random the fault windows begin elsewhere each time: the lowest count of REPEATS jobs is taken. A count more than 5 %
above the table fails; one more than 5 % below says that the table can be lowered. Usage: counts.py [--write]
"""
import json, os, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SWIFTLET = os.path.join(ROOT, "build/bin/swiftlet")
TABLE = os.path.join(ROOT, "Benchmarks/counts.txt")
ROUNDS = 200
REPEATS = 8
# Columns of the table and where the result has them.
COLUMNS = {
    "system_calls": lambda usage: usage["system_calls"],
    "page_faults": lambda usage: usage["page_faults"],
    "page_table_writes": lambda usage: usage.get("page_table_writes", 0),
    # Powering off is the last exit, which the launcher does not always wait for.
    "vm_exits": lambda usage: max(0, usage["vm_exits"]["total"] - 1),
}
OPERATIONS = ["getpid", "read", "write", "open_close", "mmap_touch", "fork_wait", "fork_filled", "futex_wake", "exec_true"]
JOBS = {
    "boot and static true": ["--image", "base", "--", "true"],
    "python3 hello": ["--image", "python", "--", "python3", "-c", "print('hello')"],
}


def usage(folder, arguments):
    meta = os.path.join(folder, "meta.json")
    subprocess.run([SWIFTLET, "run", "--meta", meta, *arguments], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    with open(meta) as file:
        found = json.load(file)["usage"]
    return {name: count(found) for name, count in COLUMNS.items()}


def lowest(counted):
    """The lowest of each column in REPEATS calls of `counted`."""
    rows = [counted() for _ in range(REPEATS)]
    return {name: min(row[name] for row in rows) for name in COLUMNS}


def measure():
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in JOBS.items():
            rows[name] = lowest(lambda: usage(folder, arguments))
        program = os.path.join(folder, "counts")
        subprocess.run(["gcc", "-O1", "-static", "-o", program, os.path.join(ROOT, "Benchmarks/counts.c")], check=True)
        for operation in OPERATIONS:
            few, many = (["--in", program, "--", "./counts", operation, str(n)] for n in (0, ROUNDS))

            def one():
                none, all_of_them = usage(folder, few), usage(folder, many)
                return {name: max(0, round((all_of_them[name] - none[name]) / ROUNDS, 2)) for name in COLUMNS}
            rows[operation] = lowest(one)
    return rows


def write(rows):
    with open(TABLE, "w") as file:
        file.write("# Written by Benchmarks/counts.py --write; each count is one operation's, or a whole job's.\n")
        file.write(f"{'#':24}" + "".join(f"{name:>20}" for name in COLUMNS) + "\n")
        for name, counts in rows.items():
            file.write(f"{name:24}" + "".join(f"{counts[column]:>20}" for column in COLUMNS) + "\n")


def read():
    rows = {}
    for line in open(TABLE):
        if not line.startswith("#"):
            words = line[24:].split()
            rows[line[:24].strip()] = dict(zip(COLUMNS, map(float, words)))
    return rows


def main():
    rows = measure()
    if "--write" in sys.argv:
        write(rows)
    allowed, passed, failed = read(), 0, 0
    for name, counts in rows.items():
        bad = []
        for column, count in counts.items():
            limit = allowed.get(name, {}).get(column, -1)
            if count > limit * 1.05 + 0.02:
                bad.append(f"{column} {count}, allowed {limit}")
            elif count < limit * 0.95 - 0.02:
                print(f"    {name}: {column} is {count}, the table says {limit}: lower it")
        passed, failed = passed + (not bad), failed + bool(bad)
        print(("not ok" if bad else "ok") + f" - counts: {name}" + (": " + "; ".join(bad) if bad else ""))
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


main()
