# Processes, signals and timers: each answer is what Linux gives.

claim "signalfd gives blocked signals with sender and status, and is readable in epoll"
needs python
cat >script.py <<'SCRIPT'
import ctypes, os, select, signal, struct
libc = ctypes.CDLL(None, use_errno=True)
wanted = [signal.SIGUSR1, signal.SIGCHLD, signal.SIGRTMIN]
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
mask = ctypes.c_uint64(sum(1 << (s - 1) for s in wanted))
fd = libc.syscall(289, -1, ctypes.byref(mask), 8, os.O_NONBLOCK)
poll = select.epoll(); poll.register(fd, select.EPOLLIN)
assert poll.poll(0) == []
os.kill(os.getpid(), signal.SIGUSR1); os.kill(os.getpid(), signal.SIGUSR1)
assert poll.poll(1) == [(fd, 1)]
def read():
    d = os.read(fd, 128)
    return struct.unpack("IiiII", d[:20])[:5], struct.unpack("i", d[40:44])[0]
(number, _, code, pid, uid), _ = read()
print(number == signal.SIGUSR1, code, pid == os.getpid(), uid)
try: read()
except BlockingIOError: print("once")
child = os.fork()
if child == 0: os._exit(9)
poll.poll(5)
(number, _, code, pid, _), status = read()
print(number == signal.SIGCHLD, code, pid == child, status)
for i in range(3): os.kill(os.getpid(), signal.SIGRTMIN)
print(len(os.read(fd, 1024)) // 128)
SCRIPT
run "$swiftlet" run --image python --in script.py -- python3 script.py
status_is 0
stdout_is 'True 0 True 0' once 'True 1 True 9' 3

claim "mutexes with owners, 10,000 queued signals, vector state in frames, stops, timers, limits, 1,000 processes, 256 threads: as on the host"
needs cc
active && case $(cc -print-file-name=libc.a) in /*) ;; *) skip "no static C library here" ;; esac
active && { cc -O1 -mavx -static -o processes "$E2E_DIRECTORY/processes/processes.c" -lpthread || fail "it does not compile"; }
./processes >wanted 2>&1 || skip "the program does not run here"
run "$swiftlet" run -m 512M --in processes -- ./processes
status_is 0
stdout_equals wanted

# static NAME: NAME.c of this folder's, statically linked, in the current one.
static() {
  needs cc
  active && case $(cc -print-file-name=libc.a) in /*) ;; *) skip "no static C library here" ;; esac
  active && { cc -O1 -static -o "$1" "$E2E_DIRECTORY/processes/$1.c" -lpthread -lm || fail "it does not compile"; }
}

# as_on_host PROGRAM: made by `static`, it prints in a job what it prints on this host.
as_on_host() {
  static "$1"
  active && { timeout "$E2E_GUARD" "./$1" >wanted 2>&1 || skip "the program does not run here"; }
  run "$swiftlet" run --in "$1" -- "./$1"
  status_is 0
  stdout_equals wanted
}

claim "timers of a nanosecond's interval: descriptors tell what the clock says, one signal waits and counts, others get on, as on the host"
as_on_host timers

claim "a program gets on whose timer signals it without end"
tiny_only "on Linux it may stand still where the interval is shorter than its handler takes"
static timers
run "$swiftlet" run --in timers -- ./timers through
status_is 0
stdout_is 'timer_settime of 10000 ns: ended 5' 'timer_settime of 1 ns: ended 5' 'setitimer of 1000 ns: ended 5'

claim "sendfile: devices, full and broken pipes, a position that somebody else sets meanwhile: as on the host"
as_on_host transfers

claim "what is waited for and comes ends the wait, beside a signal too: pipes, signals, CLOCK_TAI, children: as on the host"
as_on_host waking

claim "nice values, a sleeper among many that compute, 400 tasks at one pipe: who gets the processor, as on the host"
as_on_host turns

claim "the processor's exceptions: si_code, si_addr and the frame's trapno, err and cr2, not those of faults that nobody sees: as on the host"
as_on_host exceptions

claim "a signal without a handler ends the job's command, process 1 as it is, as under bubblewrap"
active && for signal in TERM:143 INT:130 USR1:138 SEGV:139 HUP:129; do
  run "$swiftlet" run -- sh -c "kill -${signal%:*} \$\$; echo survived"
  status_is "${signal#*:}"
  stdout_is
done

claim "memory that runs out for one program beside twelve that compute: the largest ends, not who asked"
tiny_only "Linux's out-of-memory killer has its own rules"
static largest
active && for _ in 1 2 3; do
  run "$swiftlet" run -m 128M --in largest -- ./largest
  status_is 0
  stdout_is 'who asked: goes on' 'the largest: Killed'
done

claim "numbers that overflow, and parts of segments that moved below their place: as on the host"
as_on_host numbers

claim "what cat copies out of a device into a pipe that is closed early"
run "$swiftlet" run -- sh -c 'cat /dev/urandom | tr -dc a-z | head -c 8; cat /dev/zero | head -c 100000 | wc -c'
status_is 0
active && { grep -qx '[a-z]\{8\}100000' stdout || fail "not eight letters and a count"; }

claim "what a descriptor is open on is what runs, whatever its path says by then; a file that runs is not written: as on the host"
static descriptors
active && { mkdir host && { (cd host && timeout "$E2E_GUARD" ../descriptors) >wanted 2>&1 || skip "the program does not run here"; }; }
run "$swiftlet" run --in descriptors -- sh -c 'mkdir /tmp/empty && cd /tmp/empty && exec /job/descriptors'
status_is 0
stdout_equals wanted

claim "a set-user-ID program runs as its owner, knows that it is secure, and not under no_new_privs"
needs python
cat >script.py <<'SCRIPT'
import ctypes, os, shutil, subprocess, sys
libc = ctypes.CDLL(None)
shutil.copy("/usr/bin/id", "/tmp/id"); os.chmod("/tmp/id", 0o6755); os.chown("/tmp/id", 7, 8)
os.chmod("/tmp/id", 0o6755)
def run(*words, limit=False):
    def become():
        os.setgroups([]); os.setresgid(1001, 1001, 1001); os.setresuid(1000, 1000, 1000)
        if limit: libc.prctl(38, 1, 0, 0, 0)
    return subprocess.run(words, preexec_fn=become, capture_output=True, text=True).stdout.strip()
print(run("/tmp/id", "-u"), run("/tmp/id", "-g"), run("/tmp/id", "-ru"))
print(run("/tmp/id", "-u", limit=True))
SCRIPT
run "$swiftlet" run --image python --in script.py -- python3 script.py
status_is 0
stdout_is '7 8 1000' 1000

claim "clone with CLONE_PIDFD: the descriptor signals, polls and waits for the child"
needs python
cat >script.py <<'SCRIPT'
import ctypes, errno, fcntl, os, select, signal, time
libc = ctypes.CDLL(None, use_errno=True)
fd = ctypes.c_int(-1)
child = libc.syscall(56, 0x1000 | signal.SIGCHLD, 0, ctypes.byref(fd), 0, 0)
if child == 0:
    time.sleep(100)
    os._exit(0)
print(os.readlink(f"/proc/self/fd/{fd.value}"), fcntl.fcntl(fd.value, fcntl.F_GETFD))
print(select.select([fd.value], [], [], 0)[0])
fcntl.fcntl(fd.value, fcntl.F_SETFL, os.O_NONBLOCK)
try: os.waitid(os.P_PIDFD, fd.value, os.WEXITED)
except BlockingIOError: print("EAGAIN")
signal.pidfd_send_signal(fd.value, signal.SIGTERM)
print(select.select([fd.value], [], [], 10)[0] == [fd.value])
print(os.waitid(os.P_PIDFD, fd.value, os.WEXITED).si_status)
print(libc.syscall(56, 0x101000 | signal.SIGCHLD, 0, ctypes.byref(fd), 0, 0), ctypes.get_errno() == errno.EINVAL)
SCRIPT
run "$swiftlet" run --image python --in script.py -- python3 script.py
status_is 0
stdout_is 'anon_inode:[pidfd] 1' '[]' EAGAIN True 15 '-1 True'

claim "RLIMIT_NPROC bounds the processes of a user, not the superuser's"
needs python
cat >script.py <<'SCRIPT'
import os, resource, signal
def forks(n):
    children = []
    try:
        for _ in range(n):
            c = os.fork()
            if c == 0: signal.pause()
            children.append(c)
    except BlockingIOError: pass
    for c in children: os.kill(c, signal.SIGKILL); os.waitpid(c, 0)
    return len(children)
resource.setrlimit(resource.RLIMIT_NPROC, (5, 5))
print(forks(10))
os.setresuid(1000, 1000, 1000)
print(forks(10))
SCRIPT
run "$swiftlet" run --image python --in script.py -- python3 script.py
status_is 0
stdout_is 10 4

claim "limits of memory (RLIMIT_AS, DATA, MEMLOCK, FSIZE), locks, seals, and what a mapping refuses: as on the host"
as_on_host memory
