# Asynchronous input and output (io_submit), and calls that look at another process's descriptors.

needs python

# The script on standard input prints the same in a job as on the host, as the superuser of both.
same_as_host() {
  active || return 0
  command -v python3 >/dev/null && [ "$(id -u)" = 0 ] || { skip "no python3 of the superuser's here to compare with"; return 0; }
  { cat <<'PY'
import ctypes, errno, os, struct, tempfile, time
os.chdir(tempfile.mkdtemp())
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]
PY
    cat
  } >job.py
  python3 job.py >expected 2>&1 || { fail "the host's own answer: $(tail -n 1 expected)"; return 0; }
  run "$swiftlet" run --image python --in job.py:/job/job.py -- python3 /job/job.py
  status_is 0
  active && { cmp stdout expected >difference 2>&1 || fail "$(diff expected stdout | head -n 5)"; }
  return 0
}

claim "io_submit reads, writes and syncs; io_getevents tells what came of each, an eventfd how many"
same_as_host <<'PY'
context = ctypes.c_ulong(0)
print(call(206, 8, ctypes.byref(context)), context.value != 0, call(206, 8, ctypes.byref(context)), call(206, 0, ctypes.byref(ctypes.c_ulong(0))))
fd = os.open('f', os.O_RDWR | os.O_CREAT); event = os.eventfd(0); keep = []
def iocb(data, operation, fd, buffer, count, offset, flags=0, reserved=0):
    block = ctypes.create_string_buffer(struct.pack('<QIIHhIQQqQII', data, 7, 0, operation, 0, fd, ctypes.addressof(buffer) if buffer else 0, count, offset, reserved, flags, event), 64)
    keep.append((block, buffer)); return block
def submit(*blocks): return call(209, context.value, len(blocks), (ctypes.c_void_p * len(blocks))(*[ctypes.addressof(b) for b in blocks]))
def events(fewest, most, timeout=None):
    buffer = ctypes.create_string_buffer(32 * max(most, 1))
    n = call(208, context.value, fewest, most, buffer, timeout)
    if not isinstance(n, int): return n
    return sorted(struct.unpack_from('<QQqq', buffer, i * 32)[::2] for i in range(n))
text, back = ctypes.create_string_buffer(b'hello asynchronous'), ctypes.create_string_buffer(5)
print(submit(iocb(1, 1, fd, text, 18, 4)), events(1, 8)); print(submit(iocb(2, 0, fd, back, 5, 10, 1), iocb(3, 2, fd, None, 0, 0, 1)), events(2, 8), back.raw, os.eventfd_read(event))
vector = ctypes.create_string_buffer(struct.pack('<QQ', ctypes.addressof(back), 5)); print(submit(iocb(4, 7, fd, vector, 1, 4), iocb(5, 0, fd, back, 5, 1000)), events(2, 2), back.raw)
print(os.pread(fd, 30, 0), submit(iocb(6, 0, 99, back, 5, 0)), submit(iocb(7, 99, fd, back, 5, 0)), submit(iocb(8, 0, fd, back, 5, 0, 0, 1)), submit(iocb(8, 0, os.open('f', os.O_WRONLY), back, 5, 0)))
zero = struct.pack('<qq', 0, 20_000_000); print(events(1, 1, zero), events(0, 1), events(2, 1), submit())
done = iocb(9, 0, fd, back, 5, 0); print(submit(done), call(210, context.value, done, ctypes.create_string_buffer(32)), events(1, 1))
print(call(207, context.value), call(207, context.value), submit(done), events(0, 1))
PY

claim "pidfd_getfd takes another's descriptor, and kcmp says what two processes share"
same_as_host <<'PY'
r, w = os.pipe(); f = os.open('f', os.O_RDWR | os.O_CREAT); g = os.open('f', os.O_RDWR)
child = os.fork()
if child == 0:
    os.write(f, b'by the child'); os.dup2(f, 50); os.write(w, b'x'); time.sleep(100)
os.read(r, 1); me = os.getpid(); p = os.pidfd_open(child)
mine = call(438, p, 50, 0); print(mine > 2, os.get_inheritable(mine), os.lseek(mine, 0, os.SEEK_CUR), os.pread(mine, 20, 0))
print(call(438, p, 99, 0), call(438, p, 50, 1), call(438, f, 50, 0))
print(call(312, me, child, 0, f, 50), call(312, me, child, 0, f, f), call(312, me, me, 0, f, g) in (1, 2), call(312, me, me, 1, 0, 0), call(312, me, child, 1, 0, 0) in (1, 2), call(312, me, child, 2, 0, 0) in (1, 2))
print(call(312, me, child, 0, f, 99), call(312, me, 4194303, 1, 0, 0), call(312, me, child, 99, 0, 0))
os.kill(child, 9); os.waitpid(child, 0); print(call(438, p, 50, 0))
PY
