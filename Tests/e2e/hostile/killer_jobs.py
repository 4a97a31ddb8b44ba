"""The jobs of killers.py: the killers of HOSTILE 26 with the one end each has, and good jobs whose output is known."""
import dataclasses, functools, hashlib, os, time


@dataclasses.dataclass
class Job:
    name: str
    command: list
    ends: tuple  # each "REASON STATUS"
    options: dict
    output: bytes | None = None  # None: whatever it likes
    says: str = ""  # in the result's message
    stdin: str = ""
    how: str = ""  # what its caller does; only `swiftlet run` has such a caller
    file: tuple | None = None  # (input, output, contents)
    is_slow: bool = False
    is_good: bool = False

    def take_file(self):
        """Whether the output file is right; input and output are removed."""
        source, target, contents = self.file
        with open(target, "rb") as file:
            right = file.read() == contents
        os.remove(source)
        os.remove(target)
        return right


def good_job(numbers, number, kinds=("echo", "stdin", "digest", "files", "python", "pipeline", "fresh", "disk", "status")):
    """A job that does something useful; `number` names its files."""
    kind = numbers.choice(kinds)
    word = f"{numbers.getrandbits(64):016x}"
    n = numbers.randrange(1000, 9000)
    job = Job(kind, [], ("exited 0",), {"timeout": "100s"}, b"", is_good=True)
    script = functools.partial(shell, job)
    match kind:
        case "echo":
            script('echo "$WORD"; echo "$WORD" >&2', word + "\n")
            job.options["env"] = ["WORD=" + word]
        case "stdin":
            job.stdin = (word + "\n") * n
            script("cat", job.stdin)
        case "digest":
            job.stdin = word * n * 8
            script("sha256sum | cut -c -64", hashlib.sha256(job.stdin.encode()).hexdigest() + "\n")
        case "files":
            data = numbers.randbytes(n * 16)
            with open(f"in-{number}", "wb") as file:
                file.write(data)
            job.file = (f"in-{number}", f"out-{number}", data + word.encode())
            job.options |= {"in": [f"in-{number}:/job/in"], "out": [f"/job/out:out-{number}"]}
            script(f"cat in >out; printf {word} >>out", "")
        case "python":
            job.command = ["python3", "-c", f"import json; print(json.dumps([sum(range({n})), '{word}'[::-1]]))"]
            job.options["image"] = "python"
            job.output = f'[{sum(range(n))}, "{word[::-1]}"]\n'.encode()
        case "pipeline":
            script(f"seq {n} | sort -rn | head -n 2 | tail -n 1; (exit 3) || echo $?", f"{n - 1}\n3\n")
        case "fresh":  # whatever a killer did in its VM, this one is new
            script(f"ls -A /tmp /job | grep -v : | tr -d '\\n'; ls /proc | grep -c '^[0-9]'; "
                   f"echo $((($(date +%s) - {int(time.time())}) / 36000))", "3\n0\n")
        case "disk":
            job.options["disk"] = "16M"
            script("head -c 8000000 /dev/zero >/tmp/f; sha256sum </tmp/f | cut -c -64",
                   hashlib.sha256(bytes(8_000_000)).hexdigest() + "\n")
        case "status":
            status = numbers.choice([1, 2, 124, 125, 137, 255])  # those that mean something else too
            job.ends = (f"exited {status}",)
            script(f"echo {word}; exit {status}", word + "\n")
    return job


def shell(job, script, output):
    job.command = ["sh", "-c", script]
    job.output = output.encode()


FORK_FOR_EVER = """
import os
while True:
    try: os.fork()
    except OSError: pass
"""
PAGE_BY_PAGE = """
kept = []
while True: kept.append(bytearray(4096))
"""
TERABYTE = """
import mmap, sys
try: area = mmap.mmap(-1, 1 << 40)
except (OSError, ValueError): sys.exit(12)
for at in range(0, 1 << 40, 4096): area[at] = 1
"""
MILLION_FILES = """
import os, sys
try:
    for n in range(1_000_000): os.close(os.open(f"/tmp/{n}", os.O_CREAT))
except OSError as error: sys.exit(error.errno)
"""
THREADS = """
import sys, threading, time
try:
    for n in range(4096): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
except RuntimeError: sys.exit(11)
"""
EVERY_PORT = """
import socket, sys
reached = 0
for port in range(0, 2048):
    s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    s.settimeout(1)
    try: s.connect((2, port)); reached += 1
    except OSError: pass
    s.close()
sys.exit(40 if not reached else 41)
"""
ARGUMENTS = """
import os, sys
try: os.execv("/bin/true", ["true", *["x" * 1000] * 2100])
except OSError as error: sys.exit(error.errno)
"""
NAMES = """
import os, sys
for name in (b"a\\nb", b"\\xff\\xfe", b"\\x1b[2J", b"x" * 255): open(b"/tmp/" + name, "w").close()
sys.exit(len(os.listdir(b"/tmp")) + 40)
"""
DEEP = """
import os, sys
os.chdir("/tmp")
for n in range(200): os.mkdir("d"); os.chdir("d")
sys.exit(50 + (len(os.getcwd()) == 4 + 400))
"""
DEVICES = """
for d in /dev/*; do case $d in *tty* | *console* | *std* | *fd) ;; *) head -c 100 /dev/zero >$d; esac; done 2>/dev/null
exit 60
"""


def killers(evil, whole):
    """Functions that each make one killer; with `whole` also what takes a minute."""

    def killer(name, end, *command, options={}, **more):
        options = {"timeout": "100s", **options}
        kinds.append(lambda: Job(name, list(command), tuple(end.split(" | ")), dict(options), **more))

    def python(name, end, program, options={}, **more):
        killer(name, end, "python3", "-c", program, options={"image": "python", **options}, **more)

    def kernel(name, end, file, options={}, **more):
        killer(name, end, "true", options={"kernel": f"{evil}/{file}", "memory": "64M", **options}, **more)

    kinds = []
    small = {"memory": "64M"}
    second = {"timeout": "1s"}
    python("fork-bomb", "wall_timeout 124", FORK_FOR_EVER, {"pids": "64", **second})
    killer("fork-limit", "pids_limit 2", "sh", "-c", "while :; do sleep 1000 & done", options={"pids": "32"})
    python("page-by-page", "out_of_memory 137", PAGE_BY_PAGE, small)
    python("terabyte", "exited 12", TERABYTE, small)
    killer("output", "output_limit 153", "head", "-c", "10000000000", "/dev/zero", options={"max-output": "1M"})
    killer("unread-output", "wall_timeout 124", "yes", options={"max-output": "1T", **second}, how="nobody reads")
    killer("unread-stdin", "exited 7", "sh", "-c", "exit 7", stdin="x" * 10_000_000)
    killer("keeps-stdout", "exited 8", "sh", "-c", "sleep 1000 & echo out; exit 8", output=b"out\n")
    killer("ignores-sigterm", "wall_timeout 124", "sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done",
           options=second)
    killer("burns-processor", "cpu_timeout 124", "sh", "-c", "while :; do :; done", options={"cpu-time": "200ms"})
    kernel("interrupts-off", "wall_timeout 124", "spin", second)
    killer("every-device", "exited 60", "sh", "-c", DEVICES)
    killer("fills-disk", "disk_full 9", "sh", "-c", "head -c 100000000 /dev/zero >/tmp/all || exit 9", options={"disk": "4M"})
    python("million-files", "exited 28", MILLION_FILES, small)
    python("wild-names", "exited 44", NAMES)
    python("deep-directory", "exited 51", DEEP)
    kernel("triple-fault", "guest_panic 125", "triple-fault", says="triple fault")
    kernel("panic", "guest_panic 125", "panic", says="panic on purpose")
    kernel("no-report", "protocol_error 125", "power-off", says="without reporting")
    kernel("forged-report", "protocol_error 125", "forged-nonce", says="another boot")
    kernel("endless-frame", "protocol_error 125", "endless-frame")
    python("every-port", "exited 40", EVERY_PORT)
    killer("sets-clock", "exited 33", "sh", "-c", "date -s '2001-01-01 00:00' >/dev/null; date +%Y; exit 33",
           output=b"2001\n")
    python("threads", "pids_limit 11", THREADS, {"pids": "100"})
    python("long-arguments", "exited 7", ARGUMENTS)
    killer("is-directory", "start_failed 126", "/tmp")
    killer("no-interpreter", "start_failed 127", "/job/script", options={"in": ["script:/job/script"]})
    killer("cut-elf", "start_failed 126", "/job/cut", options={"in": ["cut:/job/cut"]})
    killer("32-bit-elf", "start_failed 126", "/job/elf32", options={"in": ["elf32:/job/elf32"]})
    killer("not-there", "start_failed 127", "no-such-program", says="not found")
    killer("kills-itself", "signaled 137", "sh", "-c", "kill -9 $$", says="signal 9")
    killer("cancelled", "cancelled 143", "sh", "-c", "printf ready; sleep 1000", how="cancel")
    if whole:
        kernel("never-starts", "guest_hang 125", "sleep-forever", is_slow=True)
    for name, contents in (("script", b"#!/no/such/interpreter\n"), ("elf32", header(1)), ("cut", header(2)[:40])):
        with open(name, "wb") as file:
            file.write(contents)
        os.chmod(name, 0o755)
    return kinds


def header(size):
    """The first bytes of an ELF program, of 32 (1) or 64 (2) bits."""
    return b"\x7fELF" + bytes([size, 1, 1, 0]) + bytes(8) + b"\x02\x00" + (b"\x03" if size == 1 else b"\x3e") + bytes(45)
