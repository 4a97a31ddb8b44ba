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
