# Hostile jobs (HOSTILE §26): each gets its exact verdict inside its limits, and the next job runs as if nothing happened.

claim "HOSTILE 26: a fork bomb ends at its time limit or dies inside its VM"
run "$swiftlet" run -m 64M --timeout 5s --meta meta.json -- sh -c 'f() { f | f & }; f; sleep 100'
active && case $status in 0) fail "status 0" ;; esac
next_is_fine

claim "HOSTILE 26: a memory hog is out_of_memory, 137"
run "$swiftlet" run -m 64M --timeout 100s --meta meta.json -- awk 'BEGIN { s = "x"; while (1) s = s s }'
status_is 137
reason_is out_of_memory
next_is_fine

claim "HOSTILE 26: filling the writable layer is an error of the job, not of the machine"
run "$swiftlet" run -m 64M --timeout 100s --meta meta.json -- sh -c 'head -c 1000000000 /dev/zero >/tmp/all; s=$?; rm -f /tmp/all; echo after; exit $s'
active && [ "$status" = 0 ] && fail "a gigabyte fitted into 64 MiB"
active && case $(meta reason) in exited | signaled | out_of_memory | disk_full) ;; *) fail "reason '$(meta reason)'" ;; esac
next_is_fine

claim "HOSTILE 21, 26: output while nobody reads it is held back, and the time limit ends it"
run sh -c '"$1" run --timeout 3s --max-output 1T --meta meta.json -- yes | sleep 6; cat meta.json >/dev/null' sh "$swiftlet"
active && case $(meta reason) in wall_timeout | cancelled) ;; *) fail "reason '$(meta reason)'" ;; esac
active && at_most "$(meta max_resident_kib)" $((256 * 1024 + 64 * 1024)) "the VMM's peak in KiB, guest RAM included"

claim "HOSTILE 26: writing to every device file does no harm"
run "$swiftlet" run --timeout 20s -- sh -c 'for d in /dev/*; do case $d in *tty* | *console* | *stdin | *stdout | *stderr | *fd) continue ;; esac; head -c 100 /dev/zero >$d 2>/dev/null; done; echo done'
status_is 0
stdout_is done
next_is_fine

claim "HOSTILE 26: names with newlines and bytes that are no UTF-8"
run "$swiftlet" run -- sh -c 'cd /tmp; a=$(printf "a\nb"); b=$(printf "\377\376"); echo 1 >"$a"; echo 2 >"$b"; cat "$a" "$b"; ls | wc -l'
status_is 0

claim "HOSTILE 26: directories two hundred deep"
run "$swiftlet" run -- sh -c 'cd /tmp; i=0; while [ $i -lt 200 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done; echo deep >f; cat f; cd /tmp; find . -name f | wc -l; rm -r d; ls | wc -l'
status_is 0
stdout_is deep 1 0

claim "HOSTILE 26: ten thousand files"
run "$swiftlet" run --timeout 100s -- sh -c 'mkdir /tmp/n; cd /tmp/n; i=0; while [ $i -lt 10000 ]; do : >$i; i=$((i+1)); done; ls | wc -l'
status_is 0
stdout_is 10000

claim "HOSTILE 26: programs that are no programs: a script without interpreter, a 32-bit ELF, an empty file"
printf '#!/no/such/interpreter\n' >script; chmod 755 script
run "$swiftlet" run --in script:/job/script -- /job/script
active && case $status in 126 | 127) ;; *) fail "status $status" ;; esac
printf '\177ELF\001\001\001\000\000\000\000\000\000\000\000\000\002\000\003\000\001\000\000\000' >elf32; chmod 755 elf32
run "$swiftlet" run --in elf32:/job/elf32 -- /job/elf32
status_is 126

claim "HOSTILE 26: an ELF program with absurd headers does not hurt its kernel"
head -c 4096 /dev/urandom >tail
for offset in 0 1 2 3; do
  { printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\076\000\001\000\000\000'; tail -c +$((offset * 512 + 1)) tail; } >wild; chmod 755 wild
  run "$swiftlet" run --timeout 20s --meta meta.json --in wild:/job/wild -- /job/wild
  status_is_not 0
  active && case $(meta reason) in exited | signaled | start_failed | out_of_memory) ;; *) fail "reason '$(meta reason)'" ;; esac
done

claim "HOSTILE 26: the job cannot reach its own control stream or another port of the host's"
needs python
cat >job.py <<'PY'
import socket
for cid in (2, 0, socket.VMADDR_CID_ANY):
    for port in (*range(1024, 1028), 22, 52):
        s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
        s.settimeout(1)
        try: s.connect((cid, port)); print("reached", cid, port)
        except OSError: pass
        s.close()
print("no")
PY
run "$swiftlet" run --image python --in job.py:/job/job.py -- sh -c 'ls /dev/kvm 2>/dev/null; python3 /job/job.py'
status_is 0
stdout_is no

claim "HOSTILE 26: connecting to every vsock port there is below 8192, and to some beyond, reaches nobody"
needs python
cat >ports.py <<'PY'
import socket
reached = 0
for port in (*range(8192), *(2 ** n - 1 for n in range(13, 33))):
    s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    try:
        s.connect((2, port))
        reached += 1
    except OSError:
        pass
    s.close()
print(reached)
PY
run "$swiftlet" run --timeout 60s --image python --in ports.py:/job/ports.py -- python3 /job/ports.py
status_is 0
stdout_is 0
next_is_fine

claim "HOSTILE 26: 1 TiB of mmap is refused or given out page by page; touched, it ends in the job's own memory limit"
needs python
cat >map.py <<'PY'
import mmap
try:
    m = mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)   # MAP_NORESERVE
except (OSError, MemoryError) as error:
    print("refused")
    raise SystemExit
for at in range(0, 1 << 40, 4096):
    m[at] = 1
PY
run "$swiftlet" run -m 64M --timeout 60s --meta meta.json --image python --in map.py:/job/map.py -- python3 /job/map.py
active && case "$(meta reason) $(cat stdout)" in 'exited refused' | 'out_of_memory ') ;; *) fail "reason '$(meta reason)'" ;; esac
next_is_fine

claim "HOSTILE 26: 10 GB of output end at the output limit, and cost the host no memory"
run "$swiftlet" run --timeout 60s --max-output 50M --meta meta.json -- head -c 10000000000 /dev/zero
status_is 153
reason_is output_limit
at_most "$(size_of stdout)" $((50 << 20)) "bytes of output"
next_is_fine

claim "HOSTILE 18: standard output flooded by a job while its input is closed, and the host has more to say"
active && head -c 20000000 /dev/zero >input
run_from input "$swiftlet" run -i --timeout 60s --meta meta.json -- sh -c 'exec <&-; head -c 20000000 /dev/zero'
status_is 0
equal "$(size_of stdout)" 20000000 "bytes of output"
next_is_fine

claim "HOSTILE 26: a million files, or as many as fit into the job's memory"
needs python
cat >files.py <<'PY'
import os
made = 0
os.mkdir("/tmp/n")
os.chdir("/tmp/n")
try:
    for made in range(1_000_000):
        os.mknod(str(made))
except OSError as error:
    print("refused", error.errno)
else:
    print("all")
assert made > 10_000, made
assert os.path.exists(str(made - 1))
PY
run "$swiftlet" run -m 64M --timeout 100s --meta meta.json --image python --in files.py:/job/files.py -- python3 /job/files.py
active && case "$status $(cat stdout)" in '0 refused 28' | '0 refused 12' | '0 all') ;; *) fail "neither all nor refused" ;; esac
next_is_fine

claim "HOSTILE 26: a clock set wrong by a job is wrong nowhere else"
run "$swiftlet" run -- sh -c 'date -s "1990-01-01 00:00:00" >/dev/null 2>&1; date +%Y'
status_is 0
active && case $(cat stdout) in 1990 | "$(date +%Y)") ;; *) fail "neither set nor refused" ;; esac
run "$swiftlet" run -- date +%Y
stdout_is "$(date +%Y)"

claim "HOSTILE 26: 4,096 threads at once, or as many as the guest gives"
needs python
cat >threads.py <<'PY'
import threading
threading.stack_size(32768)
go = threading.Event()
threads = []
try:
    for i in range(4096):
        thread = threading.Thread(target=go.wait)
        thread.start()
        threads.append(thread)
except RuntimeError:
    pass
go.set()
for thread in threads:
    thread.join()
print("joined" if len(threads) > 200 else len(threads))
PY
run "$swiftlet" run -m 256M --timeout 100s --image python --in threads.py:/job/threads.py -- python3 /job/threads.py
status_is 0
stdout_is joined
next_is_fine

claim "HOSTILE 26: a truncated program is refused or dies, and takes nothing along"
program=$(command -v busybox)
for bytes in 1 63 64 100 4096 20000 1000000; do
  active || break
  head -c $bytes "$program" >cut; chmod 755 cut
  run "$swiftlet" run --timeout 20s --meta meta.json --in cut:/job/busybox -- /job/busybox true
  status_is_not 0
  active && case $(meta reason) in signaled | start_failed) ;; *) fail "cut to $bytes: reason '$(meta reason)'" ;; esac
done
next_is_fine

claim "HOSTILE 20: no process of the host is visible from the job"
run "$swiftlet" run -- sh -c 'ps 2>/dev/null | grep -c "[s]wiftlet-vmm"; ls /proc | grep -c "^[0-9]"'
active && [ "$(sed -n 1p stdout)" = 0 ] || fail "the job sees: $(cat stdout)"
