# Who a process is and what it may: capabilities, identities and what they do to files, the same script on this machine.

needs python

# The script on standard input prints the same in a job as on the host, as the superuser of both, in an empty directory.
same_as_host() {
  active || return 0
  command -v python3 >/dev/null && [ "$(id -u)" = 0 ] || { skip "no python3 of the superuser's here to compare with"; return 0; }
  { cat <<'PY'
import ctypes, errno, os, struct, sys, tempfile
os.chdir(tempfile.mkdtemp()); os.chmod('.', 0o755); os.umask(0o022)
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]
def prctl(*arguments): return call(157, *[ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0, 0)[:5]])
def get():
    header, data = struct.pack('<Ii', 0x20080522, 0), ctypes.create_string_buffer(24)
    if call(125, header, data): return 'failed'
    words = struct.unpack('<6I', data.raw)
    return ['%x' % (words[i] | words[i + 3] << 32) for i in range(3)]
def put(effective, permitted, inheritable):
    sets = (effective, permitted, inheritable)
    return call(126, struct.pack('<Ii', 0x20080522, 0), struct.pack('<6I', *[s & 0xffffffff for s in sets], *[s >> 32 for s in sets]))
def status(): return [l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')]
def child(body):
    sys.stdout.flush(); pid = os.fork()
    if pid == 0:
        try: body()
        except OSError as e: print(errno.errorcode[e.errno])
        sys.stdout.flush(); os._exit(0)
    os.waitpid(pid, 0)
def error(f, *a, **k):
    try: f(*a, **k)
    except OSError as e: return errno.errorcode[e.errno]
    return 'none'
# A container's superuser has not everything: without CAP_SYS_RESOURCE here and there.
ALL = (1 << 41) - 1 & ~(1 << 24)
prctl(24, 24); put(ALL, ALL, 0)
PY
    cat
  } >job.py
  python3 job.py >expected 2>&1 || { fail "the host's own answer: $(tail -n 1 expected)"; return 0; }
  run "$swiftlet" run --image python --in job.py:/job/job.py -- python3 /job/job.py
  status_is 0
  active && { cmp stdout expected >difference 2>&1 || fail "$(diff expected stdout | head -n 5)"; }
  return 0
}

claim "capset takes and gives capabilities as capabilities(7) says, and what was dropped stays dropped"
same_as_host <<'PY'
def drops():
    print(put(1, 3, 0), get(), status()[:3]); print(put(3, 3, 0), put(3, 7, 0), put(7, 3, 0), get())
    print(error(os.chown, '.', 1, 1), error(os.mknod, 'null', 0o20666, os.makedev(1, 3)), error(os.setuid, 1000), error(os.chroot, '.'))
child(drops)
def inherits():
    print(put(ALL, ALL, 1 << 10), get(), put(0, ALL, 0), get()); print(put(1 << 8, ALL, 2), get())
child(inherits)
print(call(125, struct.pack('<Ii', 1, 0), None), call(125, struct.pack('<Ii', 0x20080522, -1), ctypes.create_string_buffer(24)), call(126, struct.pack('<Ii', 0x20080522, 99999), bytes(24)))
PY

claim "the bounding set, ambient capabilities, securebits and keepcaps by prctl"
same_as_host <<'PY'
def bounding():
    print(prctl(23, 5), prctl(24, 5), prctl(23, 5), prctl(23, 41), prctl(24, 99), status()[3])
    print(put(ALL, ALL, 1 << 5), put(0, 0, 0), prctl(24, 6), prctl(24, 99))
child(bounding)
def ambient():
    print(prctl(47, 2, 10), put(ALL, ALL, 1 << 10), prctl(47, 2, 10), prctl(47, 1, 10), prctl(47, 1, 11), prctl(47, 5, 1), prctl(47, 1, 64), status()[4])
    print(prctl(28, 1 << 6), prctl(27), prctl(47, 2, 10), prctl(47, 3, 10), prctl(47, 1, 10), prctl(47, 4, 1), prctl(47, 4))
child(ambient)
def lowered(): print(put(ALL, ALL, 1 << 10), prctl(47, 2, 10), put(ALL, ALL, 0), prctl(47, 1, 10))
child(lowered)
def bits():
    print(prctl(28, 0x30), prctl(27), prctl(8, 0), prctl(7), prctl(28, 0x10), prctl(28, 0x100), prctl(28, 0x31), prctl(27))
    os.setresuid(1000, 1000, 1000); print(get(), prctl(28, 0x31), prctl(7))
child(bits)
def kept(): print(prctl(8, 1), prctl(8, 2), prctl(7)); os.setresuid(1000, 1000, 1000); print(get()); print(put(1 << 7, ALL, 0), error(os.setuid, 0), get())
child(kept)
def nofixup(): print(prctl(28, 4)); os.setresuid(1000, 1000, 1000); print(get())
child(nofixup)
PY

claim "a program begins with what root, a user, ambient capabilities and SECBIT_NOROOT leave it"
same_as_host <<'PY'
def show(): sys.stdout.flush(); os.execv('/bin/sh', ['sh', '-c', 'grep ^Cap /proc/self/status'])
child(show)
def dropped(): put(1, 1, 0); show()
child(dropped)
def bounded(): prctl(24, 5); show()
child(bounded)
def user(): os.setresuid(1000, 1000, 1000); show()
child(user)
def ambient(): prctl(8, 1); put(ALL, ALL, 1 << 10); os.setresuid(1000, 1000, 1000); put(1 << 10, 1 << 10, 1 << 10); print(prctl(47, 2, 10)); show()
child(ambient)
def noroot(): print(prctl(28, 1)); show()
child(noroot)
PY

claim "setfsuid and setfsgid tell what was before, and files and capabilities follow them"
same_as_host <<'PY'
def filesystem():
    open('mine', 'w').close(); os.chmod('mine', 0o600); os.chmod('.', 0o777)
    print(call(122, 1000), call(122, -1), call(123, 7), call(123, -1), get()[0])
    open('theirs', 'w').close(); s = os.stat('theirs'); print(s.st_uid, s.st_gid, error(open, 'mine'), os.access('mine', os.R_OK))
    print([l.split()[1:] for l in open('/proc/self/status') if l[0:4] in ('Uid:', 'Gid:')], call(122, 0), call(122, -1), get()[0], error(open, 'mine'))
child(filesystem)
def user(): os.setresuid(1000, 1001, 1002); print(call(122, 5), call(122, -1), call(122, 1002), call(122, -1)); os.seteuid(1000); print(call(122, -1))
child(user)
def calls():
    os.setresuid(1000, 1001, 1002)
    print(error(os.setuid, 1001), error(os.setreuid, 1002, -1), error(os.setreuid, 1001, 1002), os.getresuid(), call(105, -1))
child(calls)
PY

claim "set-user-ID and set-group-ID go with another owner or another's write; directories hand down their group"
same_as_host <<'PY'
mode = lambda p: oct(os.stat(p).st_mode & 0o7777)
os.chmod('.', 0o777); open('f', 'w').close(); os.chmod('f', 0o6777); os.chown('f', 1000, 1000); print(mode('f'))
os.chmod('f', 0o6767); os.chown('f', 1000, 1000); print(mode('f'))
os.chmod('f', 0o6777); open('f', 'w').write('root'); print(mode('f'))
def writes():
    os.setresuid(1001, 1001, 1001); fd = os.open('f', os.O_WRONLY); os.write(fd, b''); print(mode('f')); os.write(fd, b'x'); print(mode('f'))
child(writes)
os.mkdir('d'); os.chown('d', 1000, 2000); os.chmod('d', 0o2777)
def makes():
    os.setgroups([]); os.setresgid(3, 3, 3); os.setresuid(1001, 1001, 1001); os.mkdir('d/s'); open('d/s/f', 'w').close()
    print(mode('d/s'), os.stat('d/s/f').st_gid, os.stat('d/s').st_gid); open('d/g', 'w').close(); os.chmod('d/g', 0o2755); print(mode('d/g'))
child(makes)
os.mkdir('t'); os.chmod('t', 0o1777); open('t/root', 'w').close(); os.chmod('t/root', 0o666)
def removes():
    os.setresuid(1001, 1001, 1001); print(error(os.unlink, 't/root'), error(os.rename, 't/root', 't/x'), error(os.chmod, 't/root', 0o600))
child(removes)
PY
