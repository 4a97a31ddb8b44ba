#!/usr/bin/env python3
"""sigkill.py SWIFTLET EVIL VICTIM COUNT [SEED]: kills one of our processes with SIGKILL at COUNT random moments of a
job's life.

The moments are spread from the spawn of `swiftlet` to the end of the VM's teardown, one in each COUNT-th of that time.
Those at which nothing is left to kill do not count and are tried again. VICTIM: run-vmm, run (the launcher itself),
batch-vmm, batch; batch-shells-vmm and batch-shells with machines prepared beforehand, where no job has a disk; batch-start,
while it starts eight machines at once, none of which ends by itself; with a machine of swiftlet pool, pool-vmm, pool
(the pool itself) and pool-run (the launcher, whose pool goes on). A tiny kernel powers off when its launcher is gone;
where that is killed, every other guest is one of EVIL that does not.

A caller whose VMM was killed has `vmm_error` or `start_failed`, status 125; or the whole and right result of a job that
had ended by then. Whoever was killed: no file is half there, and a second later nothing is left. Prints how the jobs
ended; status 1 if one was wrong.
"""
import collections, hashlib, json, os, random, signal, subprocess, sys, time

from leftovers import adopt_orphans, end_descendants, left_behind, things

swiftlet, evil, victim, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 32)
numbers = random.Random(seed)

INPUT = b"0123456789abcdef" * 8192
DIGEST = hashlib.sha256(INPUT).hexdigest()
# Something of all: a file in, the disk, both streams, a file out, a pause, the end.
SCRIPT = "cat in >/tmp/f; sha256sum </tmp/f | cut -c -64; sleep 0.02; cp /tmp/f out; echo end >&2; exit 3"
JOB = {"timeout": "100s", "disk": "8M", "memory": "64M", "in": "in:/job/in", "out": "/job/out:out"}
HAS_SHELLS = "shells" in victim
HAS_POOL = victim.startswith("pool")
if HAS_SHELLS or HAS_POOL:
    del JOB["disk"]
RUDE = JOB | {"kernel": evil + "/spin"}
IS_START = victim == "batch-start"
BATCH_JOBS = 8 if IS_START else 3
OURS = {"meta.json", "out", "results", "output", "errors", "s"} | {f"out-{n}" for n in range(BATCH_JOBS)}


pool = None


def start_pool(is_polite):
    """One whose machines have the job's shape, with one of them there."""
    global pool
    kernel = [] if is_polite else ["--kernel", RUDE["kernel"]]
    pool = subprocess.Popen([swiftlet, "pool", "-q", "--socket", "s", "-n", "1", "-m", JOB["memory"], *kernel],
                            stdin=subprocess.DEVNULL)
    while not (os.path.exists("s") and children(pool.pid)):
        assert pool.poll() is None, "the pool ended"
        time.sleep(0.001)


def end_pool():
    global pool
    if pool:
        pool.terminate()
        pool.wait()
        pool = None


def start(is_polite=True):
    """The job, or the batch of some of it."""
    if victim.startswith("batch"):
        jobs = "jobs" if is_polite and not IS_START else "rude-jobs"
        command = [swiftlet, "batch", "-q", "-j", str(BATCH_JOBS if IS_START else 2), "-o", "results", jobs]
        if HAS_SHELLS:
            command[2:2] = ["--shells", "2"]
    else:
        options = [word for name, value in (JOB if is_polite else RUDE).items() for word in ("--" + name, value)]
        command = [swiftlet, "run", "--meta", "meta.json", *options, "--", "sh", "-c", SCRIPT]
        if HAS_POOL:
            start_pool(is_polite)
            command[2:2] = ["--pool=s"]
    with open("output", "wb") as output, open("errors", "wb") as errors:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)


def is_machine(pid):
    """Whether it is in a pid namespace of its own, as a VMM is from its first instant; the launcher's other child sweeps up."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next(len(line.split()) for line in file if line.startswith("NSpid:")) > 2
    except OSError:
        return False


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(word) for word in file.read().split() if is_machine(word)]
    except OSError:
        pass  # it is gone
    return found


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rsplit(b")", 1)[1].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def kill_at(moment, process):
    """Whether something was killed. Waits for a VMM to be there if the moment comes before it."""
    began, seen = time.monotonic(), []
    while True:
        is_over = not is_alive(process.pid)
        # A VMM outlives its launcher for some milliseconds: as our child then, hence `seen`.
        parent = pool or process
        seen += [pid for pid in children(parent.pid) if pid not in seen]
        targets = [pid for pid in seen if is_alive(pid)] if victim.endswith("vmm") else [process.pid]
        if victim == "pool":
            targets = [pool.pid]
        if HAS_POOL and is_over:
            return False  # the pool and its next machine live on
        alive = [pid for pid in targets if is_alive(pid)]
        if time.monotonic() - began >= moment and alive:
            os.kill(numbers.choice(alive), signal.SIGKILL)
            return True
        if is_over and not any(is_alive(pid) for pid in targets):
            return False
        time.sleep(0.0001)


def end_own_machine(process):
    """Whether the launcher had one: its pool ended before its job began. A guest that never ends must be ended for it."""
    had_one = False
    while is_alive(process.pid):
        for pid in children(process.pid):
            os.kill(pid, signal.SIGKILL)
            had_one = True
        time.sleep(0.001)
    return had_one


def contents(name):
    if not os.path.exists(name):
        return None
    with open(name, "rb") as file:
        return file.read()


def whole_result(result, output, file):
    """What is wrong with the result of a job that says it exited."""
    if (result["status"], output, file) != (3, DIGEST + "\n", INPUT):
        return f"a result that is not whole: status {result['status']}, output {output!r}, {len(file or b'')} bytes of file"


def judge(result, output, file):
    """The end of a job whose VMM may have been killed, and what is wrong with it."""
    end = f"{result['reason']} {result['status']}"
    if result["reason"] == "exited":
        return end, whole_result(result, output, file)
    if end not in ("vmm_error 125", "start_failed 125"):
        return end, f"{end}: {result.get('message')}"
    return end, None if result["message"] and file is None else "no message, or a file of a job that failed"


def judge_run(process, had_own_machine=False):
    meta, file = contents("meta.json"), contents("out")
    if victim in ("run", "pool-run") and process.returncode == -signal.SIGKILL:
        if file not in (None, INPUT):
            return "killed", f"{len(file)} bytes of {len(INPUT)} in the output file"
        return "killed", meta and whole_result(json.loads(meta), DIGEST + "\n", INPUT)
    if victim == "pool" and meta is None and process.returncode == 125 and b"start a pool" in contents("errors"):
        return "no pool 125", file and "a file of a job that did not run"
    if meta is None:
        return "no result", f"status {process.returncode} and no result: {contents('errors')!r}"
    result = json.loads(meta)
    end, problem = judge(result, contents("output").decode(), file)
    if process.returncode != result["status"]:
        problem = f"status {process.returncode} of the process, {result['status']} in the result"
    said = contents("errors").removeprefix(b"end\n")  # that is the job's own line
    if result["reason"] != "exited" and (said.count(b"\n") != 1 or (b"its pool has ended" if victim == "pool" and not had_own_machine else b"swiftlet-vmm") not in said):
        problem = f"not one line about the VMM on standard error: {said!r}"
    return end, problem


def judge_batch(process):
    lines = (contents("results") or b"").split(b"\n")[:-1]  # what has no newline was being written
    results = [json.loads(line) for line in lines]
    ends, problem = [], None
    for result in results:
        file = contents(f"out-{result['line'] - 1}")
        end, wrong = judge(result, result["stdout"].get("text", ""), file)
        ends.append(end)
        problem = problem or wrong
    if victim.endswith("vmm"):
        # What never began may be tried again; what had begun was one job's loss.
        if len(results) != BATCH_JOBS or sum(end != "exited 3" for end in ends) > 1:
            problem = problem or f"{ends} of {BATCH_JOBS} jobs"
        return next((end for end in ends if end != "exited 3"), "exited 3"), problem
    return ("killed" if process.returncode == -signal.SIGKILL else f"status {process.returncode}"), problem


def clean():
    for name in OURS:
        if os.path.exists(name):
            os.remove(name)


def lifetime():
    """Seconds from the spawn to the victim's own end, undisturbed, or until its machines are there: the middle of some."""
    times = []
    for _ in range(5):
        clean()
        began = time.monotonic()
        process = start()
        if IS_START:
            while len(children(process.pid)) < BATCH_JOBS:
                assert is_alive(process.pid), "the batch ended"
            process.kill()
        else:
            assert not kill_at(float("inf"), process)
        times.append(time.monotonic() - began)
        process.wait()
        end_pool()
        left, _ = left_behind(before, besides=is_ours)
        end, problem = judge_batch(process) if victim.startswith("batch") else judge_run(process)
        assert not left and not problem and end in (("killed",) if IS_START else ("exited 3", "status 1")), (end, problem, left)
    return sorted(times)[len(times) // 2]


def is_ours(thing):
    return thing in {f"file {os.getcwd()}/{name}" for name in OURS}


adopt_orphans()
with open("in", "wb") as file:
    file.write(INPUT)
for name, job in (("jobs", JOB), ("rude-jobs", RUDE)):
    with open(name, "w") as file:
        for n in range(BATCH_JOBS):
            # The first job of a batch that is to end is always one that does.
            one = (job if n or IS_START else JOB) | {"out": f"/job/out:out-{n}", "command": ["sh", "-c", SCRIPT]}
            file.write(json.dumps(one) + "\n")
clean()
before = things()
life = lifetime()
print(f"seed {seed}: {victim} killed at {count} moments of {life * 1000:.0f} ms")
ends, problems, longest, tries = collections.Counter(), [], 0.0, 0
for stratum in range(count):
    for attempt in range(40):
        clean()
        tries += 1
        # Lifetimes vary: what came too late is tried again a little earlier.
        moment = (stratum + numbers.random()) / count * life * 0.97**attempt
        is_polite = victim.endswith("vmm") or stratum % 2 == 0
        process = start(is_polite)
        was_killed = kill_at(moment, process)
        had_own_machine = victim == "pool" and was_killed and not is_polite and end_own_machine(process)
        process.wait()
        end_pool()
        left, milliseconds = left_behind(before, besides=is_ours)
        end_descendants()
        end, problem = judge_batch(process) if victim.startswith("batch") else judge_run(process, had_own_machine)
        found = [problem] * bool(problem) + [f"left behind: {thing}" for thing in left]
        problems += [f"killed at {moment * 1000:.1f} ms: {text}" for text in found]
        before |= {thing for thing in left if thing.startswith("file")}  # once told is enough
        if was_killed:
            ends[end] += 1
            longest = max(longest, milliseconds)
            break
        if found:
            break
clean()
print(f"{sum(ends.values())} of {count} kills in {tries} tries:", ", ".join(f"{end} x{n}" for end, n in ends.most_common()),
      f"; nothing left after {longest:.0f} ms at most" if not problems else "")
if sum(ends.values()) < count and not problems:
    problems.append(f"only {sum(ends.values())} of {count} moments had something to kill")
for problem in problems[:20]:
    print("WRONG:", problem)
sys.exit(bool(problems))
