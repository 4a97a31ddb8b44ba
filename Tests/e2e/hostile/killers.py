#!/usr/bin/env python3
"""killers.py SWIFTLET EVIL COUNT [SEED]: COUNT jobs, two at a time, in a random order: good ones, whose output is known,
and killers (HOSTILE 26), each of which has exactly one end. Half of them run as `swiftlet run`, half in one `swiftlet
batch` that lives as long.

Every good job must be right, every killer must end with its own reason, status and words, and afterwards the host is as
it was before. Prints a line a kind, `killer NAME: N of N: ...`; status 1 if anything is not as it must be.
"""
import collections, json, os, random, re, signal, subprocess, sys, threading, time

from killer_jobs import good_job, killers
from leftovers import adopt_orphans, descendants, end_descendants, left_behind, things

swiftlet, evil, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
numbers = random.Random(seed)
print(f"seed {seed}: {count} jobs")


class Batch:
    """A `swiftlet batch` that takes jobs as they come, and gives each its result."""

    def __init__(self):
        self.process = subprocess.Popen([swiftlet, "batch", "-q", "-j", "2", "--unordered", "-"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.lock, self.lines, self.waiting = threading.Lock(), 0, {}
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            result = json.loads(line)
            self.waiting.pop(result["line"]).append(result)

    def run(self, job):
        member = {**job.options, "command": job.command, **({"stdin": job.stdin} if job.stdin else {})}
        slot = []
        with self.lock:
            self.lines += 1
            self.waiting[self.lines] = slot
            self.process.stdin.write(json.dumps(member).encode() + b"\n")
            self.process.stdin.flush()
        while not slot:
            if not self.reader.is_alive():
                return {"reason": "no result", "status": self.process.wait()}
            time.sleep(0.002)
        return slot[0] | {"output": text_of(slot[0]["stdout"])}

    def state(self):
        """What it holds: its descriptors by kind, its children, its threads."""
        pid = self.process.pid
        kinds = collections.Counter()
        for number in os.listdir(f"/proc/{pid}/fd"):
            kind = os.readlink(f"/proc/{pid}/fd/{number}").split(":[")[0]
            kinds[re.sub("/swiftlet-[0-9a-f-]+", "/a job's cgroup", kind)] += 1
        return dict(kinds), len(descendants(pid)), len(os.listdir(f"/proc/{pid}/task"))

    def memory(self):
        """Its own memory in KiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def text_of(stream):
    return stream.get("text", "").encode()


def run(job, number):
    """The job as one `swiftlet run`."""
    meta = f"meta-{number}.json"
    command = [swiftlet, "run", "--meta", meta]
    for name, value in job.options.items():
        for one in value if isinstance(value, list) else [value]:
            command += ["--" + name, one]
    command += (["-i"] if job.stdin else []) + ["--"] + job.command
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = b""
    if job.how == "nobody reads":
        process.wait()
        process.stdout.close()
        process.stdin.close()
    elif job.how == "cancel":
        output = process.stdout.read(len("ready"))
        process.send_signal(signal.SIGTERM)
        output += process.communicate()[0]
    else:
        output = process.communicate(job.stdin.encode() if job.stdin else None)[0]
    if not os.path.exists(meta):
        return {"reason": "no result", "status": process.returncode}
    with open(meta) as file:
        result = json.load(file)
    os.remove(meta)
    if result["status"] != process.returncode:
        return {"reason": f"status {result['status']} in the result and {process.returncode} of the process", "status": -1}
    return result | {"output": output}


def wrong(job, result):
    """What is wrong with the result; None: nothing."""
    end = f"{result['reason']} {result['status']}"
    said = result.get("message") or ""
    if end not in job.ends:
        return f"{end} where {' or '.join(job.ends)} was expected: {said}"
    if job.says not in said:
        return f"it does not say '{job.says}': {said}"
    if job.output is not None and result.get("output") != job.output:
        return f"output {result.get('output')!r:.200} where {job.output!r:.200} was expected"
    if job.file and not job.take_file():
        return "its output file is not what it wrote"


def lane(batch, jobs, lock, tally, problems):
    while True:
        with lock:
            if not jobs:
                return
            number, job, in_batch = jobs.pop()
        result = batch.run(job) if in_batch else run(job, number)
        problem = wrong(job, result)
        kind = "good" if job.is_good else "killer"
        with lock:
            tally[kind, job.name].append((f"{result['reason']} {result['status']}", problem is None))
            if problem:
                problems.append(f"job {number}, {job.name}, {'batch' if in_batch else 'run'}: {problem}")


def available():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))


def settled(batch):
    """The batch's state once its last jobs are away: one more job reaps those before it, and may be the one child left."""
    for _ in range(100):
        time.sleep(0.02)
        if all(state == "Z" for _, state, _ in descendants(batch.process.pid).values()):
            break
    batch.run(good_job(random.Random(0), 0, ["echo"]))
    time.sleep(0.3)
    return batch.state()


def order():
    """Two killers to three good jobs, and every killer at least once; then shuffled."""
    kinds = killers(evil, whole=count >= 500)
    jobs = [(kind(), not kind().how and numbers.random() < 0.5) for kind in kinds]
    while len(jobs) < count * 2 // 5:
        kind = numbers.choice([kind for kind in kinds if not kind().is_slow])
        jobs.append((kind(), not kind().how and numbers.random() < 0.5))
    while len(jobs) < count:
        jobs.append((good_job(numbers, len(jobs)), numbers.random() < 0.5))
    numbers.shuffle(jobs)
    return [(number, *job) for number, job in enumerate(jobs)], kinds


adopt_orphans()
jobs, kinds = order()
total = len(jobs)
before, memory = things(), available()
batch = Batch()
# Every worker has been there before it is counted, and the batch has opened every image and kernel: it keeps each open once.
warm = [kind() for kind in kinds if not kind().how and not kind().is_slow] + [good_job(random.Random(0), 0, ["python"])]
threads = [threading.Thread(target=batch.run, args=(job,)) for job in warm]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
held, resident = settled(batch), batch.memory()

tally, problems, lock = collections.defaultdict(list), [], threading.Lock()
lanes = [threading.Thread(target=lane, args=(batch, jobs, lock, tally, problems)) for _ in range(2)]
began = time.monotonic()
for thread in lanes:
    thread.start()
for thread in lanes:
    thread.join()
took = time.monotonic() - began

still_held, still_resident = settled(batch), batch.memory()
if held != still_held:
    problems.append(f"the batch held {held} before and {still_held} after")
# Its allocator keeps what the largest outputs took; a leak of a buffer a job would be far more.
if still_resident > resident + 65536:
    problems.append(f"the batch has {still_resident} KiB and had {resident}")
batch.process.stdin.close()
batch.process.wait()
batch.reader.join()
batch.process.stdout.close()
left, milliseconds = left_behind(before)
problems += [f"left behind: {thing}" for thing in left]
end_descendants()
# Loosely: others use this machine too. A VM's memory that stayed for one job in ten would be more.
if available() < memory - (2 << 20):
    problems.append(f"{available()} KiB are available and {memory} were")

for (kind, name), results in sorted(tally.items()):
    ends = collections.Counter(end for end, _ in results)
    print(f"{kind} {name}: {sum(right for _, right in results)} of {len(results)}:",
          ", ".join(f"{end} x{n}" for end, n in ends.items()))
right = {kind: sum(r for (k, _), results in tally.items() if k == kind for _, r in results) for kind in ("good", "killer")}
every = {kind: sum(len(results) for (k, _), results in tally.items() if k == kind) for kind in ("good", "killer")}
print(f"good jobs: {right['good']} of {every['good']} right; killers: {right['killer']} of {every['killer']} told apart")
print(f"{total} jobs, {len(kinds)} kinds of killers, in {took:.0f} s;",
      f"the batch holds {sum(still_held[0].values())} descriptors, {still_held[1]} child,",
      f"{still_held[2]} threads, {still_resident - resident:+} KiB;",
      f"{len(left)} things left after {milliseconds:.0f} ms")
for problem in problems[:20]:
    print("WRONG:", problem)
sys.exit(bool(problems))
