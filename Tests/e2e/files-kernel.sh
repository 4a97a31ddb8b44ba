# /proc and /sys as programs read them, and what is missing there by name in the result.

needs python

claim "a process finds itself in /proc: its words, its memory, its descriptors, its name to change"
cat >job.py <<'PY'
import os, resource
def table(path): return dict(line.rstrip('\n').split(':', 1) for line in open(path) if ':' in line)
me = f'/proc/{os.getpid()}'
print(open('/proc/self/cmdline').read().split('\0')[1:-1], 'HOME=' in open('/proc/self/environ').read())
open('/proc/self/comm', 'w').write('renamed-by-itself-too-long'); print(open(me + '/comm').read().strip())
status = table('/proc/self/status'); stat = open('/proc/self/stat').read().rsplit(') ', 1)[1].split()
print(int(status['Pid']) == os.getpid() == int(os.readlink('/proc/self')), status['Threads'].strip(), len(stat))
print(abs(int(status['VmRSS'].split()[0]) * 1024 - int(stat[21]) * 4096) < 1 << 20, 'kB' in status['VmSize'])
rss = sum(int(l.split()[1]) for l in open('/proc/self/smaps') if l.startswith('Rss:'))
rollup = int(table('/proc/self/smaps_rollup')['Rss'].split()[0])
print(abs(rss - rollup) < 512, abs(rollup - int(table('/proc/self/status')['VmRSS'].split()[0])) < 512)
auxv = open('/proc/self/auxv', 'rb').read(); print(int.from_bytes(auxv[-16:-8], 'little'), len(auxv) % 16)
before = int(table('/proc/self/io')['wchar']); os.write(os.open('/dev/null', os.O_WRONLY), b'x' * 4242)
print(int(table('/proc/self/io')['wchar']) - before)
open('/proc/self/oom_score_adj', 'w').write('500'); print(open('/proc/self/oom_score_adj').read().strip())
print([n for n in 'limits mountinfo cgroup wchan loginuid uid_map task fdinfo/0'.split() if not os.path.exists('/proc/self/' + n)])
PY
run "$swiftlet" run --image python --in job.py:/job/job.py -e HOME=/ -- python3 /job/job.py one 'two words'
status_is 0
# Our Linux audits nothing, and has no names of its functions.
missing='[]'
[ -z "${E2E_KERNEL:-}" ] || missing="['wchan', 'loginuid']"
stdout_is "['/job/job.py', 'one', 'two words'] True" 'renamed-by-itse' 'True 1 50' 'True True' 'True True' '0 0' 4242 500 "$missing"

claim "the tools that read /proc and /sys print something sensible: ps, free, df, uptime, nproc, top"
# A Linux has a process 1 of its own, and ours no controller of memory: the machine is the limit, less its kernel.
first=bash limit=314572800 total=300.0
[ -z "${E2E_KERNEL:-}" ] || first=init limit=none total='2[89][0-9]\.[0-9]'
run "$swiftlet" run --image python -m 300M -- bash -c '
  ps -o pid,comm,rss,vsz -p 1 | awk "NR == 2 { print (\$1 == 1), \$2, (\$3 > 500), (\$4 >= \$3) }"
  free -k | awk "NR == 2 { print (\$2 > 290000 && \$2 <= 307200), (\$3 + \$4 <= \$2) }"
  df -k / | awk "NR == 2 { print \$1, (\$2 > \$3 + 100000), (\$4 > 100000), \$6 }"
  uptime | grep -c "load average: 0.0"; nproc
  top -b -n1 | grep -c "MiB Mem :    '"$total"' total"; vmstat | tail -n 1 | wc -w
  cat /sys/fs/cgroup/memory.max 2>/dev/null || echo none'
status_is 0
stdout_is "1 $first 1 1" '1 1' 'overlay 1 1 /' 1 1 1 17 $limit

claim "every file of /proc/PID, /proc/sys and /sys can be read to its end"
slow lab
tiny_only "a Linux's are Linux's"
run "$swiftlet" run --image python --meta meta.json -- bash -c '
  n=0; for f in $(find /sys /proc/sys /proc/1 /proc/*info /proc/stat -type f -readable -not -path "*/fdinfo/*" -not -name mem -not -name pagemap); do cat $f >/dev/null || echo BAD $f; n=$((n + 1)); done
  [ $n -gt 250 ] && cat /sys/devices/system/cpu/online /proc/sys/kernel/ostype'
status_is 0
stdout_is 0 Linux
equal "$(meta missing_kernel_files)" '{' "what is missing"

claim "a file of /proc or /sys that is not there is named in the result, and so is an unknown ioctl; isatty is not"
tiny_only "Linux does not tell what it was asked for and does not have"
cat >job.py <<'PY'
import fcntl, os
for path in ['/proc/no-such-thing', '/sys/kernel/odd', '/proc/self/odd', f'/proc/{os.getpid()}/odd', '/proc/99999/stat', '/tmp/odd']:
    for _ in range(2):
        try: open(path)
        except FileNotFoundError: pass
for request in [0x12345678, 0x5401]:
    try: fcntl.ioctl(os.open('/dev/null', os.O_RDONLY), request, b'0' * 64)
    except OSError: pass
PY
run "$swiftlet" run --image python --meta meta.json --in job.py:/job/job.py -- python3 /job/job.py
status_is 0
active && tr -d ' \n' <meta.json >flat
active && { grep -qF '"unsupported_ioctls":{"0x12345678":1}' flat || fail "no ioctl by number"; }
active && { grep -qF '"missing_kernel_files":{"/proc/PID/odd":2,"/proc/no-such-thing":2,"/proc/self/odd":2,"/sys/kernel/odd":2}' flat ||
  fail "no missing files by name"; }
