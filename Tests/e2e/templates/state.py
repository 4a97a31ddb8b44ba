"""A program with all that a checkpoint has to keep: a file in the writable layer, a child on two pipes, a thread that computes and one
that sleeps, vector registers in use, an alarm that is set. Prints a line for each when it goes on."""
import math, os, signal, subprocess, sys, threading, time

work = open("/job/work.txt", "w+")
work.write("before\n")
work.flush()
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdin.write(b"said before\n")
child.stdin.flush()
counts = {"busy": 0, "sleepy": 0}


def busy():
    value = 1.0
    while True:
        for _ in range(1000):
            value = math.sqrt(value + 1.0)
        if abs(value - 1.618033988749895) > 1e-9:
            counts["wrong"] = value
        counts["busy"] += 1


def sleepy():
    while True:
        time.sleep(0.001)
        counts["sleepy"] += 1


alarms = []
signal.signal(signal.SIGALRM, lambda *_: alarms.append(1))
for function in busy, sleepy:
    threading.Thread(target=function, daemon=True).start()
while not all(counts[name] for name in ("busy", "sleepy")):
    time.sleep(0.001)
directory, read_end = os.getcwd(), os.pipe()
signal.setitimer(signal.ITIMER_REAL, 0.2)
before = time.monotonic()
print("printed before the checkpoint", flush=True)

with open("/dev/checkpoint", "rb") as file:
    sys.argv[1:] = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]

print("arguments", sys.argv[1:])
print("monotonic", 0 <= time.monotonic() - before < 60)
work.write("after\n")
work.seek(0)
print("file", work.read().split())
child.stdin.write(b"said after\n")
child.stdin.close()
print("child", child.stdout.read().split(), child.wait())
seen = dict(counts)
while not all(counts[name] > seen[name] for name in ("busy", "sleepy")):
    time.sleep(0.001)
while not alarms:
    time.sleep(0.001)
print("threads", "wrong" not in counts, "alarm", len(alarms))
print("input", sys.stdin.read().split())
sys.exit(7)
