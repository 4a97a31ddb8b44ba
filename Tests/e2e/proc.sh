# /proc, and what else programs ask about files and processes: the same script here and on this machine's own Linux.

needs python

# The script on standard input prints the same in a job as on the host, as the superuser of both.
same_as_host() {
  active || return 0
  command -v python3 >/dev/null && [ "$(id -u)" = 0 ] || { skip "no python3 of the superuser's here to compare with"; return 0; }
  cat >job.py
  python3 job.py >expected 2>&1 || { fail "the host's own answer: $(tail -n 1 expected)"; return 0; }
  run "$swiftlet" run --image python --in job.py:/job/job.py -- python3 /job/job.py
  status_is 0
  active && { cmp stdout expected >difference 2>&1 || fail "$(diff expected stdout | head -n 5)"; }
  return 0
}

claim "directories of /proc count their directories: the threads of a process, and what /proc/PID has"
same_as_host <<'PY'
import os, threading
done = threading.Event()
print(os.stat('/proc/self/task').st_nlink)
threads = [threading.Thread(target=done.wait) for _ in range(3)]
for t in threads: t.start()
print(os.stat('/proc/self/task').st_nlink, len(os.listdir('/proc/self/task')), os.stat('/proc/self/fd').st_nlink)
done.set()
for t in threads: t.join()
def counted(path):
    entries = [e for e in os.scandir(path) if e.is_dir(follow_symlinks=False)]
    return os.stat(path).st_nlink == 2 + len(entries)
print(counted('/proc/self'))
PY

claim "a thread's number opens in /proc though no list has it, and its state and its process's are told apart"
same_as_host <<'PY'
import os, threading, time
number = []
def spin():
    number.append(threading.get_native_id())
    while not done: pass
done = False
t = threading.Thread(target=spin); t.start()
while not number: time.sleep(0.01)
tid = str(number[0])
print(tid in os.listdir('/proc'), os.path.isdir('/proc/' + tid), open(f'/proc/{tid}/stat').read().split()[0] == tid)
print(open(f'/proc/{tid}/status').read().split('Tgid:\t')[1].split()[0] == str(os.getpid()))
state = lambda path: open(path).read().split(') ')[1][0]
child = os.fork()
if child == 0: time.sleep(100)
time.sleep(0.1)
print(state(f'/proc/{child}/stat'), state(f'/proc/self/task/{tid}/stat'))
done = True; t.join(); os.kill(child, 9)
PY

claim "every number of meminfo stands apart from its name, as psutil and free read it"
same_as_host <<'PY'
table = {}
for line in open('/proc/meminfo'):
    words = line.split()
    table[words[0]] = int(words[1]) * 1024
print(table['VmallocTotal:'] > 0, table['MemTotal:'] >= table['MemAvailable:'])
for line in open('/proc/self/smaps'):
    if line.startswith(('Rss', 'ShmemPmdMapped', 'Private_Hugetlb')): int(line.split()[1])
PY

claim "getdents, statx's birth time, and what O_PATH refuses"
same_as_host <<'PY'
import ctypes, errno, fcntl, os, struct, tempfile, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]
os.chdir(tempfile.mkdtemp()); os.mkdir('sub'); open('name', 'w').close()
fd = os.open('.', os.O_RDONLY); buffer = ctypes.create_string_buffer(4096); size = call(78, fd, buffer, 4096); at = 0; names = []
while at < size:
    length = struct.unpack_from('<H', buffer, at + 16)[0]
    names.append((buffer.raw[at + 18:at + length - 1].split(b'\0')[0], buffer.raw[at + length - 1])); at += length
print(sorted(names), call(78, fd, buffer, 10) if call(8, fd, 0, 0) == 0 else '')
record = ctypes.create_string_buffer(256); print(call(332, -100, b'name', 0, 0xfff, record))
mask, = struct.unpack_from('<I', record, 0); birth, = struct.unpack_from('<q', record, 80); print(mask & 0x800, abs(birth - time.time()) < 100)
p = os.open('name', os.O_PATH)
print(call(91, p, 0o600), call(93, p, -1, -1), call(74, p), call(75, p), call(16, p, 0x541B, record), call(0, p, record, 1), call(1, p, record, 1))
print(call(77, p, 0), call(8, p, 0, 0), call(72, p, 1031, 4096), call(72, p, 6, record), call(73, p, 1), call(285, p, 0, 0, 1), call(193, p, b'user.a', record, 1))
print(call(9, 0, 4096, 1, 2, p, 0), call(7, struct.pack('<iHH', p, 1, 0), 1, 0), call(78, os.open('.', os.O_PATH), record, 200))
print(os.fstat(p).st_size, call(138, p, record), fcntl.fcntl(p, fcntl.F_GETFD), oct(fcntl.fcntl(p, fcntl.F_GETFL)), os.dup(p) > p)
os.fchdir(os.open('sub', os.O_PATH)); print(os.path.basename(os.getcwd()))
PY

claim "a process's memory by /proc/self/mem and pagemap, its namespaces, its filter for core dumps"
same_as_host <<'PY'
import ctypes, mmap, os, struct
text = ctypes.create_string_buffer(b'by its address'); address = ctypes.addressof(text)
fd = os.open('/proc/self/mem', os.O_RDWR)
print(os.pread(fd, 14, address), os.pwrite(fd, b'to', address), text.value)
try: os.pread(fd, 1, 8)
except OSError as e: print(e.strerror)
m = mmap.mmap(-1, 1 << 26, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); m[0] = 1
at = ctypes.addressof(ctypes.c_char.from_buffer(m)); pages = os.open('/proc/self/pagemap', os.O_RDONLY)
print([struct.unpack('<Q', os.pread(pages, 8, (at // 4096 + i) * 8))[0] >> 63 for i in (0, 12345)])
names = sorted(n for n in os.listdir('/proc/self/ns'))
print(names, os.readlink('/proc/self/ns/pid').split(':')[0], os.readlink('/proc/self/ns/pid_for_children').split(':')[0])
print(all(os.readlink('/proc/self/ns/' + n).endswith(f'[{os.stat("/proc/self/ns/" + n).st_ino}]') for n in names))
print(open('/proc/self/coredump_filter').read(), open('/proc/self/timerslack_ns').read(), open('/proc/sysvipc/shm').readline())
PY

claim "/proc/sysvipc has a line for each segment, semaphore set and queue, as ipcs reads them"
tiny_only "the guest kernel's own"
active && cat >job.py <<'PY'
import ctypes, os
libc = ctypes.CDLL(None)
shm = libc.shmget(0x1234, 10000, 0o1640); sem = libc.semget(0x55, 3, 0o1600); msg = libc.msgget(0, 0o1666)
libc.msgsnd(msg, (1).to_bytes(8, 'little') + b'hello', 5, 0)
for kind in ['msg', 'sem', 'shm']:
    head, row = [line.split() for line in open('/proc/sysvipc/' + kind)]
    row = dict(zip(head, row))
    print(kind, [int(row[n]) for n in ('key', head[1], 'perms')], row.get('size'), row.get('nsems'), row.get('cbytes'), len(head))
print(shm, sem, msg)
PY
run "$swiftlet" run --image python --in job.py:/job/job.py -- python3 /job/job.py
status_is 0
stdout_is 'msg [0, 0, 666] None None 5 14' 'sem [85, 0, 600] None 3 None 10' 'shm [4660, 0, 640] 10000 None None 16' '0 0 0'
