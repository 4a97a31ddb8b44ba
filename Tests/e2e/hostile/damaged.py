#!/usr/bin/env python3
"""damaged.py SWIFTLET STORE image|program COUNT: jobs on damaged root images, or of damaged programs, from a fixed seed.

A damaged file may fail its job in any way that is the job's own. It may not break the VMM, and it may not look like success: status 0
with any other output than the whole file gives. Prints how the jobs ended; status 1 if one ended in a way it must not.
"""
import collections, json, os, random, shutil, subprocess, sys

swiftlet, store, what, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
# guest_panic: the guest's own kernel gave up, which is the job's loss alone.
ALLOWED = {"refused", "exited", "signaled", "guest_panic", "start_failed", "wall_timeout", "out_of_memory"}
# A digest over contents and names, which the job itself compares: what is damaged and read is noticed by the job, or it is a lie.
DIGEST = "{ cat /etc/passwd /etc/os-release /usr/bin/busybox; ls -lR /etc /usr; } | sha256sum"

record = open(os.path.join(store, "images/base")).read()
digest = record.split("sha256:")[1].split()[0]
whole = open(os.path.join(store, f"blobs/sha256-{digest}.erofs"), "rb").read()
home = os.path.abspath("store")
os.makedirs(home + "/images")
os.makedirs(home + "/blobs")
shutil.copy(os.path.join(store, "images/base"), home + "/images/base")
blob = os.path.join(home, f"blobs/sha256-{digest}.erofs")


def run(image, program, script):
    with open(blob, "wb") as file:
        file.write(image)
    command = ["--", "sh", "-c", script]
    if what == "program":
        with open("busybox", "wb") as file:
            file.write(program)
        os.chmod("busybox", 0o755)
        command = ["--in", "busybox:/job/busybox", "--", "/job/busybox", "sh", "-c", script]
    done = subprocess.run([swiftlet, "run", "--timeout", "5s", "--memory", "64M", "--meta", "meta.json", *command],
                          stdin=subprocess.DEVNULL, capture_output=True, env={**os.environ, "SWIFTLET_HOME": home})
    reason = "refused"  # before a job began: no result
    if os.path.exists("meta.json"):
        with open("meta.json") as file:
            reason = json.load(file)["reason"]
        os.remove("meta.json")
    return done.returncode, reason, done.stdout, done.stderr


def damaged(data, seed):
    """Some bytes changed; half of the time where an image has its metadata or a program its headers."""
    numbers, data = random.Random(seed), bytearray(data)
    # The first block has a checksum, so that damage there is found at once: sometimes, and mostly behind it.
    first = 4096 if what == "image" and numbers.random() < 0.95 else 0
    for _ in range(numbers.choice([1, 4, 64])):
        end = first + (16384 if what == "image" else 512) if numbers.random() < 0.7 else len(data)
        data[numbers.randrange(first, end)] = numbers.choice([0, 1, 0x7F, 0x80, 0xFF, numbers.randrange(256)])
    return bytes(data)


with open(shutil.which("busybox"), "rb") as file:
    busybox = file.read()
status, reason, output, errors = run(whole, busybox, DIGEST)
assert (status, reason) == (0, "exited"), (status, reason, errors)
script = f"digest=$({DIGEST}) && [ \"$digest\" = '{output.decode().strip()}' ] && echo done"
assert run(whole, busybox, script)[2] == b"done\n"
ends, wrong = collections.Counter(), []
for seed in range(count):
    image, program = (damaged(whole, seed), busybox) if what == "image" else (whole, damaged(busybox, seed))
    status, reason, output, errors = run(image, program, script)
    ends[reason if status else "unharmed"] += 1
    if reason not in ALLOWED or status == 0 and (reason, output) != ("exited", b"done\n"):
        wrong.append((seed, status, reason, errors[-300:]))
    if reason == "guest_panic":
        ends[errors.decode(errors="replace").strip()[-90:]] += 1
print(dict(ends))
for one in wrong[:5]:
    print("wrong:", one)
sys.exit(bool(wrong))
