# Hostile jobs (HOSTILE §26): each gets its exact verdict inside its limits, and the next job runs as if nothing happened.

# next_is_fine: the job after the hostile one.
next_is_fine() {
  run "$swiftlet" run -- echo fine
  status_is 0
  stdout_is fine
}

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

claim "HOSTILE 20: no process of the host is visible from the job"
run "$swiftlet" run -- sh -c 'ps 2>/dev/null | grep -c "[s]wiftlet-vmm"; ls /proc | grep -c "^[0-9]"'
active && [ "$(sed -n 1p stdout)" = 0 ] || fail "the job sees: $(cat stdout)"
