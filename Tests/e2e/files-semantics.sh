# Files as Linux has them: what programs of every kind rely on, asked by python3 (its os module is the system calls).

needs python

python_job() {
  active || return 0
  cat >job.py
  run "$swiftlet" run --image python --meta meta.json "$@" --in job.py:/job/job.py -- python3 /job/job.py
}

claim "extended attributes are set, listed, read and removed, with Linux's errors"
python_job <<'PY'
import os, errno
def error(f, *a, **k):
    try: f(*a, **k)
    except OSError as e: return errno.errorcode[e.errno]
    return 'none'
open('f', 'w').close(); os.mkdir('d'); os.symlink('f', 'l'); os.mkfifo('p')
os.setxattr('f', 'user.a', b'one'); os.setxattr('d', 'user.b', b''); os.setxattr('f', 'trusted.t', b'x' * 1000)
print(os.getxattr('l', 'user.a'), os.listxattr('f'), os.listxattr('d'), len(os.getxattr('f', 'trusted.t')))
print(error(os.setxattr, 'f', 'user.a', b'2', os.XATTR_CREATE), error(os.setxattr, 'f', 'user.n', b'2', os.XATTR_REPLACE))
print(error(os.getxattr, 'f', 'user.n'), error(os.setxattr, 'p', 'user.a', b''), error(os.setxattr, 'f', 'nonsense', b''))
print(error(os.setxattr, 'l', 'user.a', b'', follow_symlinks=False), error(os.setxattr, 'f', 'user.' + 'n' * 300, b''))
os.removexattr('f', 'user.a'); print(os.listxattr('f'), error(os.removexattr, 'f', 'user.a'))
import ctypes; libc = ctypes.CDLL(None, use_errno=True)
print(libc.getxattr(b'f', b'trusted.t', ctypes.create_string_buffer(10), 10), errno.errorcode[ctypes.get_errno()])
PY
status_is 0
stdout_is "b'one' ['user.a', 'trusted.t'] ['user.b'] 1000" 'EEXIST ENODATA' 'ENODATA EPERM ENOTSUP' 'EPERM ERANGE' \
  "['trusted.t'] ENODATA" '-1 ERANGE'

claim "a pipe is really resized: it holds a megabyte, then refuses to shrink below what it holds"
python_job <<'PY'
import fcntl, os
r, w = os.pipe()
os.set_blocking(w, False)
print(fcntl.fcntl(w, fcntl.F_GETPIPE_SZ), os.write(w, b'x' * (2 << 20)))
print(fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 1 << 20), os.write(w, b'y' * (2 << 20)))
try: fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 65536)
except OSError as e: print(e.strerror)
got = b''
while len(got) < 1 << 20: got += os.read(r, 70000)
print(got == b'x' * 65536 + b'y' * ((1 << 20) - 65536), fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 5000))
PY
status_is 0
stdout_is '65536 65536' '1048576 983040' 'Device or resource busy' 'True 8192'

claim "splice, tee, vmsplice, sendfile and copy_file_range move bytes and lose none"
python_job <<'PY'
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
data = os.urandom(300000); open('f', 'wb').write(data)
f = os.open('f', os.O_RDONLY); g = os.open('g', os.O_RDWR | os.O_CREAT)
r, w = os.pipe(); moved = 0
while (n := os.splice(f, w, 1 << 20)): moved += os.splice(r, g, n)
print(moved, open('g', 'rb').read() == data)
r2, w2 = os.pipe(); os.write(w, b'twice')
print(libc.tee(r, w2, 100, 0), os.read(r, 100), os.read(r2, 100))
class vec(ctypes.Structure): _fields_ = [('base', ctypes.c_char_p), ('len', ctypes.c_size_t)]
print(libc.vmsplice(w, ctypes.byref(vec(b'gift', 4)), 1, 0), os.read(r, 100))
h = os.open('h', os.O_RDWR | os.O_CREAT)
print(os.sendfile(h, f, 1000, 5000), os.copy_file_range(f, h, 300000, 6000, 5000), open('h', 'rb').read() == data[1000:])
PY
status_is 0
stdout_is '300000 True' "5 b'twice' b'twice'" "4 b'gift'" '5000 294000 True'

claim "sparse files: holes are found and punched, and cost nothing"
python_job <<'PY'
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True); off = ctypes.c_long
f = os.open('f', os.O_RDWR | os.O_CREAT)
os.pwrite(f, b'x' * 8192, 1 << 30); os.truncate(f, (1 << 40) + 1)
print(os.lseek(f, 0, os.SEEK_DATA), os.lseek(f, 1 << 30, os.SEEK_HOLE) - (1 << 30), os.stat(f).st_blocks)
try: os.lseek(f, 2 << 30, os.SEEK_DATA)
except OSError as e: print(e.strerror)
print(libc.fallocate(f, 3, off(1 << 30), off(4096)), os.stat(f).st_blocks, os.lseek(f, 0, os.SEEK_DATA) - (1 << 30))
print(libc.fallocate(f, 8, off(0), off(4096)), os.strerror(ctypes.get_errno()))
print(libc.fallocate(f, 1, off(1 << 41), off(4096)), os.stat(f).st_size == (1 << 40) + 1)
PY
status_is 0
stdout_is '1073741824 8192 16' 'No such device or address' '0 8 4096' '-1 Operation not supported' '0 True'

claim "sparse files: a range is zeroed in place"
tiny_only "the writable layer of a Linux is a tmpfs, which has no FALLOC_FL_ZERO_RANGE"
python_job <<'PY'
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True); off = ctypes.c_long
f = os.open('f', os.O_RDWR | os.O_CREAT); os.pwrite(f, b'x' * 8192, 1 << 30)
print(libc.fallocate(f, 0x10, off((1 << 30) + 4096), off(4096)), os.pread(f, 8192, 1 << 30) == b'x' * 4096 + bytes(4096))
PY
status_is 0
stdout_is '0 True'

claim "a file without a name gets one through /proc/self/fd, and renames exchange and refuse"
python_job <<'PY'
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
f = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600); os.write(f, b'hello'); print(os.fstat(f).st_nlink, os.listdir())
os.link(f'/proc/self/fd/{f}', 'named', src_dir_fd=f); print(open('named').read(), os.fstat(f).st_nlink)
open('other', 'w').write('other'); R = lambda a, b, n: (libc.renameat2(-100, a, -100, b, n), ctypes.get_errno())
print(R(b'named', b'other', 1) == (-1, errno.EEXIST), R(b'named', b'other', 2)[0], open('named').read(), open('other').read())
f = os.open('named', os.O_RDWR); os.unlink('named'); g = os.open(f'/proc/self/fd/{f}', os.O_RDONLY)
print(os.read(g, 9), os.readlink(f'/proc/self/fd/{f}'))
os.symlink('a', 'b'); os.symlink('b', 'a')
try: open('a')
except OSError as e: print(e.strerror)
os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')
try: os.getcwd()
except OSError as e: print(e.strerror)
PY
status_is 0
stdout_is "0 ['job.py']" 'hello 1' 'True 0 other hello' "b'other' /job/named (deleted)" 'Too many levels of symbolic links' \
  'No such file or directory'

claim "openat2 keeps a path beneath, in its root, off links and off other mounts"
python_job <<'PY'
import ctypes, errno, os, struct
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs('jail/sub'); open('jail/f', 'w').close(); os.symlink('/f', 'jail/absolute'); os.symlink('../..', 'jail/sub/up')
d = os.open('jail', os.O_PATH)
def open2(path, resolve, flags=os.O_RDONLY, size=24, at=d):
    how = struct.pack('QQQQ', flags, 0, resolve, 0)
    fd = libc.syscall(437, at, path.encode(), how, size)
    if fd < 0: return errno.errorcode[ctypes.get_errno()]
    name = os.readlink(f'/proc/self/fd/{fd}'); os.close(fd); return name
print(open2('f', 8), open2('../jail/f', 8), open2('/job/jail/f', 8), open2('sub/up', 8), open2('absolute', 8))
print(open2('absolute', 16), open2('../../f', 16), open2('sub/up/f', 16), open2('absolute', 4))
print(open2('/proc/self/fd/0', 2), open2('/proc', 1, at=-100), open2('f', 64), open2('f', 0, size=32), open2('f', 0, size=8))
PY
status_is 0
stdout_is '/job/jail/f EXDEV EXDEV EXDEV EXDEV' '/job/jail/f /job/jail/f /job/jail/f ELOOP' 'ELOOP EXDEV EINVAL /job/jail/f EINVAL'

claim "record locks: conflicts, a holder's number, a deadlock found, and locks of open file descriptions"
python_job <<'PY'
import errno, fcntl, os, struct, time
f = os.open('f', os.O_RDWR | os.O_CREAT)
fcntl.lockf(f, fcntl.LOCK_EX, 10, 0)
r, w = os.pipe(); r2, w2 = os.pipe()
child = os.fork()
if child == 0:
    lock = fcntl.fcntl(f, fcntl.F_GETLK, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 5, 1, 0))
    print(struct.unpack('hhqqi4x', lock)[4] == os.getppid(), flush=True)
    fcntl.lockf(f, fcntl.LOCK_EX, 10, 100); os.write(w, b'.')
    fcntl.lockf(f, fcntl.LOCK_EX, 10, 0)
    print('child has both', flush=True); os._exit(0)
os.read(r, 1); time.sleep(0.2)
try: fcntl.lockf(f, fcntl.LOCK_EX, 10, 100)
except OSError as e: print(errno.errorcode[e.errno], flush=True)
fcntl.lockf(f, fcntl.LOCK_UN, 10, 0); os.waitpid(child, 0)
g = os.open('f', os.O_RDWR); h = os.open('f', os.O_RDWR); L = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)
fcntl.fcntl(g, 37, L)
try: fcntl.fcntl(h, 37, L)
except OSError as e: print(errno.errorcode[e.errno])
fcntl.flock(g, fcntl.LOCK_EX)
try: fcntl.flock(h, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError as e: print(errno.errorcode[e.errno])
PY
status_is 0
stdout_is True EDEADLOCK 'child has both' EAGAIN EAGAIN

claim "100,000 files in one directory: made, found, listed, and removed while being listed"
slow lab
# 300,000 system calls: beside a busy machine (load 15) more than the guard against a hang allows.
guard=$E2E_GUARD E2E_GUARD=$((E2E_GUARD * 5))
python_job <<'PY'
import os, time
os.mkdir('d'); os.chdir('d'); n = 100000; start = time.time()
for i in range(n): os.close(os.open(f'file-{i}', os.O_CREAT | os.O_WRONLY))
print(len(os.listdir()), os.path.exists('file-99999'), os.path.exists('file-100000'))
gone = 0
with os.scandir() as entries:
    for entry in entries: os.unlink(entry.name); gone += 1
print(gone, os.listdir())
PY
status_is 0
stdout_is '100000 True False' '100000 []'
E2E_GUARD=$guard

claim "a user without rights meets the modes, the sticky bit and set-group-ID directories"
python_job <<'PY'
import errno, os
def error(f, *a):
    try: f(*a)
    except OSError as e: return errno.errorcode[e.errno]
    return 'none'
os.umask(0); os.mkdir('sticky', 0o1777); os.mkdir('g', 0o777); os.chown('g', 0, 500); os.chmod('g', 0o2777)
open('sticky/roots', 'w').close(); open('secret', 'w').close(); os.chmod('secret', 0o600); os.mkdir('closed', 0o700)
os.setgroups([]); os.setgid(1000); os.setuid(1000)
print(error(open, 'secret'), error(os.listdir, 'closed'), error(os.unlink, 'sticky/roots'), error(os.stat, 'closed/x'))
os.mkdir('g/sub'); open('g/f', 'w').close(); s = os.stat('g/sub'); print(oct(s.st_mode), s.st_gid, os.stat('g/f').st_gid)
print(error(os.chmod, 'secret', 0o644), error(os.chown, 'g/f', 0, -1), error(os.mknod, 'dev', 0o20666, 0x103), error(os.chroot, '.'))
print(os.access('secret', os.R_OK), os.access('g', os.W_OK), error(os.setxattr, 'g/f', 'trusted.x', b''))
PY
status_is 0
stdout_is 'EACCES EACCES EPERM EACCES' '0o42777 500 500' 'EPERM EPERM EACCES EPERM' 'False True EPERM'

claim "inotify tells of creating, writing, moving and removing, by name, with cookies, and ends its watches"
slow lab
python_job <<'PY'
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
n = libc.inotify_init1(os.O_NONBLOCK); os.mkdir('d'); os.mkdir('e')
names = {1: 'ACCESS', 2: 'MODIFY', 4: 'ATTRIB', 8: 'CLOSE_WRITE', 16: 'CLOSE_NOWRITE', 32: 'OPEN', 64: 'MOVED_FROM', 128: 'MOVED_TO',
         256: 'CREATE', 512: 'DELETE', 1024: 'DELETE_SELF', 2048: 'MOVE_SELF', 0x4000: 'OVERFLOW', 0x8000: 'IGNORED'}
def events():
    out = []; cookies = set()
    try: data = os.read(n, 1 << 20)
    except BlockingIOError: return 'nothing'
    while data:
        wd, mask, cookie, size = struct.unpack('iIII', data[:16]); name = data[16:16 + size].rstrip(b'\0').decode(); data = data[16 + size:]
        if cookie: cookies.add(cookie)
        out.append(f'{wd}:{names[mask & 0xFFFF]}{"/" if mask >> 30 & 1 else ""}{":" + name if name else ""}')
    return ' '.join(out) + (f' cookies {len(cookies)}' if cookies else '')
d = libc.inotify_add_watch(n, b'd', 0xFFF); e = libc.inotify_add_watch(n, b'e', 0xFC0)
with open('d/f', 'w') as f: f.write('x')
print(events()); os.chmod('d/f', 0o600); open('d/f').read(); print(events())
os.rename('d/f', 'e/g'); print(events()); os.mkdir('e/s'); os.rmdir('e/s'); os.unlink('e/g'); print(events())
os.rmdir('d'); print(events()); print(libc.inotify_rm_watch(n, e), events(), libc.inotify_rm_watch(n, e))
open('o', 'w').close(); o = libc.inotify_add_watch(n, b'o', 4 | 0x80000000); os.chmod('o', 0); os.chmod('o', 1); print(events())
o = libc.inotify_add_watch(n, b'.', 256)
for i in range(16500): open(f'x{i}', 'w').close()
out = events().split(); print(len(out), out[-1])
PY
status_is 0
stdout_is '1:CREATE:f 1:OPEN:f 1:MODIFY:f 1:CLOSE_WRITE:f' '1:ATTRIB:f 1:OPEN:f 1:ACCESS:f 1:CLOSE_NOWRITE:f' \
  '1:MOVED_FROM:f 2:MOVED_TO:g cookies 1' '2:CREATE/:s 2:DELETE/:s 2:DELETE:g' '1:DELETE_SELF 1:IGNORED' '0 2:IGNORED -1' \
  '3:ATTRIB 3:IGNORED' '16385 -1:OVERFLOW'

claim "a shared mapping and write(2) see each other at once, on a page of the image too; private copies stay"
python_job <<'PY'
import mmap, os
path = '/usr/bin/bash'; f = os.open(path, os.O_RDWR)
reader = mmap.mmap(f, 1 << 16, mmap.MAP_SHARED, mmap.PROT_READ)
private = mmap.mmap(f, 1 << 16, mmap.MAP_PRIVATE)
before = reader[8192:8202], private[8192]; private[4096] = 7
os.pwrite(f, b'written(2)', 8192); os.pwrite(f, b'all of it!' * 410, 4096)
print(reader[8192:8202] == b' it!ten(2)', reader[4096:4106], private[4096])
writer = mmap.mmap(f, 1 << 16, mmap.MAP_SHARED)
writer[12288:12295] = b'through'
print(reader[12288:12295], os.pread(f, 7, 12288))
if os.fork() == 0:
    writer[20480:20485] = b'child'; os._exit(0)
os.wait(); print(reader[20480:20485], os.pread(os.open(path, os.O_RDONLY), 5, 20480))
PY
status_is 0
stdout_is "True b'all of it!' 7" "b'through' b'through'" "b'child' b'child'"

claim "beyond the end of a truncated file a mapping is SIGBUS, and what grows back is zero"
python_job <<'PY'
import mmap, os, signal
open('f', 'wb').write(b'x' * 20000); f = os.open('f', os.O_RDWR)
m = mmap.mmap(f, 20000); print(m[19999], m[9000])
os.truncate(f, 5000)
def touch(i):
    if os.fork() == 0: signal.signal(signal.SIGBUS, signal.SIG_DFL); m[i]; os._exit(0)
    return os.waitstatus_to_exitcode(os.wait()[1])
print(touch(4999), touch(8191), touch(8192) == -signal.SIGBUS, m[5000])
os.truncate(f, 20000); print(m[4999], m[5000], m[8192], touch(19999))
PY
status_is 0
stdout_is '120 120' '0 0 True 0' '120 0 0 0'

claim "setpriv gives root's rights up between two calls, keeping capabilities as long as it needs them"
python_job <<'PY'
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
header = struct.pack('Ii', 0x20080522, 0)
def caps():
    data = ctypes.create_string_buffer(24); libc.capget(header, data); return struct.unpack('6I', data.raw)[:2]
kept = caps()[1]; print(hex(kept))
libc.prctl(8, 1); os.setresuid(1000, 1000, 1000); print(caps() == (0, kept))
print(libc.capset(header, struct.pack('6I', kept, kept, 0, 0x1FF, 0x1FF, 0)), caps() == (kept, kept))
os.setresgid(1000, 1000, 1000); os.setgroups([])
print(libc.capset(header, bytes(24)), caps(), libc.capset(header, struct.pack('6I', 1, 1, 0, 0, 0, 0)))
try: os.setgroups([1])
except PermissionError: print('no more')
PY
status_is 0
# A Linux's init keeps CAP_SYS_MODULE and CAP_SYS_RAWIO from the job.
[ -n "${E2E_KERNEL:-}" ] && all=0xfffcffff || all=0xffffffff
stdout_is $all True '0 True' '0 (0, 0) -1' 'no more'
