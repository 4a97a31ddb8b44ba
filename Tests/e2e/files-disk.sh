# The scratch disk: a job's files larger than its memory, and what happens when the disk is full.

claim "a job with 128 MiB of memory writes a file of 512 MiB to its disk and reads it back unchanged"
needs python disk
cat >job.py <<'PY'
import os
f = os.open('/tmp/f', os.O_RDWR | os.O_CREAT); base = os.urandom(1 << 20)
def chunk(i): return i.to_bytes(8, 'little') + base[8:]
def room(): s = os.statvfs('/tmp'); return s.f_bavail * s.f_frsize >> 20
before = room()
for i in range(512): os.write(f, chunk(i))
print(before >= 590, before - room(), os.stat(f).st_size >> 20, os.stat(f).st_blocks // 2048)
print(all(os.pread(f, 1 << 20, i << 20) == chunk(i) for i in range(512)), os.read(f, 1))
os.unlink('/tmp/f'); os.close(f); print(before - room())
PY
run "$swiftlet" run --image python -m 128M --disk 600M --in job.py:/job/job.py -- python3 /job/job.py
status_is 0
stdout_is 'True 512 512 512' "True b''" 0

claim "a full disk is ENOSPC for the program, and what it freed can be written again"
needs disk
run "$swiftlet" run -m 128M --disk 64M -- sh -c '
  dd if=/dev/zero of=/tmp/a bs=1M count=40 2>/dev/null && echo first
  dd if=/dev/zero of=/tmp/b bs=1M count=40 2>&1 | grep -c "No space left on device"
  rm /tmp/a /tmp/b; dd if=/dev/zero of=/tmp/c bs=1M count=60 2>/dev/null && echo again'
status_is 0
stdout_is first 1 again

claim "without a disk a full layer is ENOSPC too, and the job goes on"
run "$swiftlet" run -m 64M -- sh -c 'dd if=/dev/zero of=/tmp/a bs=1M count=60 2>&1 | grep -c "No space left"; echo alive; rm /tmp/a; echo more >/tmp/b; cat /tmp/b'
status_is 0
stdout_is 1 alive more

claim "--disk is checked: a size, not too small; and a place for it that is no disk is refused by name"
needs disk
run "$swiftlet" run --disk 1K -- true
status_is 2
stderr_says 'too little'
run "$swiftlet" run --disk much -- true
status_is 2
run env TMPDIR=/proc "$swiftlet" run --disk 16M -- sh -c 'df -m / | awk "NR == 2 { print (\$4 >= 15) }"'
status_is 0
stdout_is 1

claim "random writes, mappings, forks and truncations on a disk four times the memory lose nothing"
needs python disk
cat >job.py <<'PY'
import hashlib, mmap, os, random
random.seed(7); size = 320 << 20; page = 4096
f = os.open('/tmp/f', os.O_RDWR | os.O_CREAT); os.truncate(f, size)
def block(i, n): return hashlib.sha256(b'%d %d' % (i, n)).digest() * 128
expected = {}
for n in range(30000):
    i = random.randrange(size // page); expected[i] = n; os.pwrite(f, block(i, n), i * page)
m = mmap.mmap(f, size)
for n in range(30000, 45000):
    i = random.randrange(size // page); expected[i] = n; m[i * page:(i + 1) * page] = block(i, n)
if os.fork() == 0:
    for i in random.Random(1).sample(sorted(expected), 2000): m[i * page:(i + 1) * page] = block(i, -1)
    os._exit(0)
os.wait()
for i in random.Random(1).sample(sorted(expected), 2000): expected[i] = -1
ballast = bytearray(os.urandom(1 << 20)) * 40
bad = sum(os.pread(f, page, i * page) != block(i, n) for i, n in expected.items())
bad += sum(m[i * page:(i + 1) * page] != block(i, n) for i, n in list(expected.items())[:5000])
empty = [i for i in range(0, size // page, 97) if i not in expected]
print('bad', bad, sum(os.pread(f, page, i * page) != bytes(page) for i in empty), len(expected) > 20000)
m.close(); os.truncate(f, 100 << 20)
print(all(os.pread(f, page, i * page) == block(i, n) for i, n in expected.items() if i < 25600), os.stat(f).st_size)
os.close(f); os.unlink('/tmp/f'); s = os.statvfs('/'); print(s.f_bavail * s.f_frsize > 390 << 20)
PY
run "$swiftlet" run --image python -m 128M --disk 400M --in job.py:/job/job.py -- python3 /job/job.py
status_is 0
stdout_is 'bad 0 0 True' 'True 104857600' True

claim "a file larger than the memory comes out of the disk whole"
needs disk
run "$swiftlet" run -m 64M --disk 256M --out /tmp/all:all -- sh -c 'yes 0123456789abcde | head -c 80000000 >/tmp/all'
status_is 0
active && equal "$(md5sum <all)" "$(yes 0123456789abcde | head -c 80000000 | md5sum)" "the file's sum"
active && rm -f all

claim "a job that is killed while it writes to its disk ends at its limit, and nothing of it stays on the host"
needs disk
active && ours >before
run "$swiftlet" run -m 64M --disk 256M --timeout $brief --meta meta.json -- sh -c 'while :; do head -c 200000000 /dev/zero >/tmp/all; done'
status_is 124
reason_is wall_timeout
nothing_left before
