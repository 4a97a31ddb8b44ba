# swiftlet pool and run --pool, batch --shells: jobs on machines that were prepared before them.

pool_id=
# Looks, 0.05 s apart, after which a wait counts as one for ever: in the lab three Linux boot beside each other on one processor.
guard=400
[ -z "${E2E_KERNEL:-}" ] || guard=2400
# pool [OPTION...]: a pool of two machines at ./s, and waits until they are there.
pool() {
  active || return 0
  "$swiftlet" pool --socket "$PWD/s" --size 2 "$@" </dev/null >pool-output 2>&1 &
  pool_id=$!
  wait_for prepared 2
}
# prepared N: there are so many VMMs of the pool.
prepared() { [ "$(vmms "$pool_id" | wc -l)" -ge "$1" ]; }
# wait_for CMD...: until it is so; the guard is one against a hang.
wait_for() {
  active || return 0
  left=$guard
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { fail "never: $*"; return 0; }
    sleep 0.05
  done
}
# gone PID: with all its threads. The first can be a zombie while the vCPU's still closes the VM, and until then the process lives.
gone() {
  [ ! -e "/proc/$1" ] ||
    { grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status" && grep -q '^Threads:[[:space:]]*1$' "/proc/$1/status"; } 2>/dev/null
}
all_gone() { for id in $1; do gone "$id" || return 1; done; }
end_pool() {
  [ -n "$pool_id" ] || return 0
  kill -TERM "$pool_id" 2>/dev/null
  wait "$pool_id"
  pool_status=$?
  pool_id=
}
# warm_run ARG...: `run` with the pool.
warm_run() { run "$swiftlet" run --pool=s --meta meta.json "$@"; }
was_prepared() { active && [ "$(meta prepared)" != true ] && fail "the job's machine was not a prepared one"; return 0; }

claim "a job on a pool's machine has its own output, input and status, each stream in its place"
pool
active && echo from-stdin >input
run_from input "$swiftlet" run -i --pool=s --meta meta.json -- sh -c 'cat; echo error >&2; exit 7'
status_is 7
stdout_is from-stdin
stderr_says error
was_prepared
end_pool

claim "python runs on a pool's machine"
slow lab
needs python
pool --image python
warm_run --image python -- python3 -c 'print(sum(range(10)))'
status_is 0
stdout_is 45
was_prepared
end_pool

claim "10 MB through a pool's machine and back come back byte by byte"
slow lab
pool
active && head -c 10000000 /dev/urandom >input
run_from input "$swiftlet" run -i --pool=s --meta meta.json -- cat
status_is 0
stdout_equals input
was_prepared
end_pool

claim "files go in and out of a pool's machine"
slow lab
pool
active && echo content >input
warm_run --in input:/job/a --out /job/b:output -- sh -c 'cat a a >b'
status_is 0
active && printf 'content\ncontent\n' >wanted
same output wanted
was_prepared
end_pool

claim "limits on a pool's machine have the verdicts of run: time, processor time, output"
pool
limit=300ms
[ -z "${E2E_KERNEL:-}${E2E_LAB:-}" ] || limit=$brief   # the machine may boot still
warm_run --timeout "$limit" -- sh -c 'echo before; sleep 1000'
status_is 124
reason_is wall_timeout
stdout_is before
was_prepared
wait_for prepared 2
warm_run --cpu-time 200ms -- sh -c 'while :; do :; done'
status_is 124
reason_is cpu_timeout
wait_for prepared 2
warm_run --max-output 10 -- sh -c 'echo 123456789012345; sleep 1000'
status_is 153
reason_is output_limit
active && printf 1234567890 >wanted
stdout_equals wanted
was_prepared
end_pool

claim "a machine that waited longer than the job's time limit still gives the job all of its time"
slow lab
pool
limit=400ms wait=0.5
[ -z "${E2E_KERNEL:-}${E2E_LAB:-}" ] || limit=$brief wait=$((brief_us / 1000000 + 1))
active && sleep "$wait"
warm_run --timeout "$limit" -- true
status_is 0
was_prepared
end_pool

claim "a command that is not there, or cannot be executed, is told on a pool's machine as by run"
pool
warm_run -- no-such-program
status_is 127
wait_for prepared 2
warm_run -- /etc/passwd
status_is 126
end_pool

claim "a job of another shape starts a machine of its own, and says so"
slow lab
pool
warm_run -m 64M -- echo small
status_is 0
stdout_is small
stderr_says 'another shape'
active && [ "$(meta prepared)" != false ] && fail "a machine of 256M was given to a job of 64M"
end_pool

claim "a used machine is never used again: no job finds what one before it left"
pool
for turn in 1 2 3 4 5 6; do
  warm_run -- sh -c '[ ! -e /tmp/left ] || echo found; echo x >/tmp/left; cat /proc/sys/kernel/random/boot_id 2>/dev/null; true'
  status_is 0
  active && ! grep -q found stdout || fail "job $turn found another's file"
  wait_for prepared 2
done
end_pool

claim "machines that waited have random numbers of their own and the right time"
# Seconds that it may be behind: in the lab a Linux, prepared or not, has been seen less than two behind.
behind=0
[ -z "${E2E_KERNEL:-}" ] || behind=2
pool
for turn in 1 2 3; do
  active && sleep 1 && before=$(date +%s)
  warm_run -- sh -c 'cat /proc/sys/kernel/random/uuid; date +%s'
  status_is 0
  was_prepared
  active && { head -n 1 stdout >>uuids; now=$(tail -n 1 stdout); }
  active && { [ $((before - behind)) -le "$now" ] && [ "$now" -le "$(date +%s)" ] || fail "at $before its clock was $now"; }
  wait_for prepared 2
done
active && equal "$(sort -u uuids | grep -c -- -)" 3 "different random numbers"
end_pool

claim "processors are of a machine's shape: a job of as many gets it, one of another number starts its own"
[ -n "${E2E_KERNEL:-}" ] || skip "the kernel tiny has one processor"
pool -c 2
warm_run -c 2 -- grep -c ^processor /proc/cpuinfo
status_is 0
stdout_is 2
was_prepared
warm_run -- grep -c ^processor /proc/cpuinfo
stdout_is 1
stderr_says 'another shape'
end_pool

claim "two clients at once have a machine each"
slow lab
pool
active && { "$swiftlet" run --pool=s -- sh -c 'sleep 0.3; echo one' >one 2>&1 & first=$!; }
run "$swiftlet" run --pool=s -- sh -c 'sleep 0.3; echo two'
status_is 0
stdout_is two
active && { wait $first; equal "$?" 0 "the other's status"; equal "$(cat one)" one "the other's output"; }
end_pool

claim "an idle machine that is killed is replaced, and the next job is right"
pool
active && { victims=$(vmms "$pool_id"); for id in $victims; do kill -KILL "$id"; done; }
wait_for all_gone "${victims:-}"
warm_run -- echo fine
status_is 0
stdout_is fine
wait_for prepared 2
warm_run -- echo fine
was_prepared
end_pool

# busy: the pool's VMMs now, in a list; and starts a job that sleeps, whose VMM is one of them.
busy() {
  active || return 0
  before=$(vmms "$pool_id")
  "$swiftlet" run --pool=s --meta meta.json -- sh -c 'echo begun; sleep 1000' >job-output 2>job-error &
  job=$!
  wait_for grep -q begun job-output
}

claim "a VMM of a pool that is killed with its job is vmm_error with the signal, status 125"
pool
busy
active && for id in $before; do kill -KILL "$id" 2>/dev/null; done
active && { wait $job; status=$?; cp job-error stderr; }
status_is 125
reason_is vmm_error
stderr_says 'killed by signal 9'
end_pool

# settled N: the pool has so many VMMs and no more. One that is ending counts while it closes its VM.
settled() { [ "$(vmms "$pool_id" | wc -l)" = "$1" ]; }

claim "a client that is killed takes its VMM along, even one whose guest obeys nobody, and the pool goes on"
pool --kernel "$E2E_EVIL/spin"
active && {
  # The machine that waited longest is the one that is given.
  given=$(vmms "$pool_id" | sort -n | head -n 1)
  "$swiftlet" run --pool=s --kernel "$E2E_EVIL/spin" -- true >job-output 2>job-error &
  job=$!
}
wait_for prepared 3
active && kill -KILL $job
wait_for gone "${given:-}"
active && wait $job 2>/dev/null
wait_for settled 2
end_pool

claim "a pool with --template gives restored machines, each once, with arguments, input and random numbers of their job"
store_of_its_own pool-store
SWIFTLET_HOME=$store; export SWIFTLET_HOME
# shellcheck disable=SC2016
run "$swiftlet" template create asks -q -- sh -c 'words=$(tr "\0" " " </dev/checkpoint); echo "$words"; cat /proc/sys/kernel/random/uuid; cat'
status_is 0
pool --template asks
active && echo typed >input
for round in 1 2 3; do
  run_from input "$swiftlet" run -i --pool=s --meta meta.json --template asks -- round "$round"
  status_is 0
  was_prepared
  active && equal "$(sed -n '1p;3p' stdout | tr '\n' ' ')" "round $round  typed " "its words and its input"
  active && sed -n 2p stdout >>uuids
  wait_for prepared 2
done
active && equal "$(sort -u uuids | grep -c -- -)" 3 "different random numbers"
warm_run -- echo cold
status_is 0
stdout_is cold
active && [ "$(meta prepared)" = true ] && fail "a job without the template got one of its machines"
run "$swiftlet" pool --socket "$PWD/other" --template asks -m 1G
status_is 2
stderr_says "--memory: template asks has its own"
end_pool
SWIFTLET_HOME=$E2E_STORE

claim "a pool that is killed takes all its VMMs along, and its job says what happened"
pool
busy
active && { machines=$(vmms "$pool_id"); kill -KILL "$pool_id"; wait $job; status=$?; cp job-error stderr; wait "$pool_id" 2>/dev/null; pool_id=; }
status_is 125
reason_is vmm_error
stderr_says 'its pool has ended'
wait_for all_gone "${machines:-}"

claim "a socket that a killed pool has left does not stop the next one"
slow lab
pool
active && { kill -KILL "$pool_id"; wait "$pool_id" 2>/dev/null; }
active && [ ! -S s ] && fail "no socket was left"
pool
warm_run -- echo fine
status_is 0
end_pool

claim "a pool that is told to end leaves no process and no socket"
slow lab
pool
active && machines=$(vmms "$pool_id")
end_pool
equal "${pool_status:-}" 0 "the pool's status"
absent s
active && { all_gone "$machines" || fail "a VMM is left"; }

claim "a second pool at the same socket is refused, and the first goes on"
slow lab
pool
run "$swiftlet" pool --socket "$PWD/s"
status_is 125
stderr_says 'another pool'
warm_run -- echo fine
status_is 0
was_prepared
end_pool

claim "without a pool, --pool says what to do and --pool=auto starts a machine"
slow lab
run "$swiftlet" run --pool=s -- true
status_is 125
stderr_says 'start a pool with swiftlet pool'
stderr_is_one_line
run env XDG_RUNTIME_DIR="$PWD" "$swiftlet" run -q --pool=auto -- echo cold
status_is 0
stdout_is cold
stderr_is_empty

claim "a pool's socket is for its user alone"
pool
equal "$(stat -c %a s 2>/dev/null)" "$(active && echo 600)" "its mode"
end_pool

claim "what is no request gets no machine, and the pool goes on"
slow lab
needs python3
pool
run python3 -c '
import socket
for data in (b"x", b"\0" * 112, b"\xff" * 255):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("s")
    s.send(data)
    assert s.recv(100) == b"", "an answer"
'
status_is 0
warm_run -- echo fine
status_is 0
was_prepared
end_pool

claim "batch --shells: results are those of batch, and most jobs get a prepared machine"
active && for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo '{"command":["sh","-c","cat; exit 3"],"stdin":"in '$n'"}'; done >jobs
active && echo '{"command":["true"],"memory":"64M"}' >>jobs
run "$swiftlet" batch --shells 4 -j 1 jobs
status_is 1
equal "$(grep -c '"exit_code":3' stdout)" "$(active && echo 12)" "jobs that exited with 3"
equal "$(grep -o '"text":"in [0-9]*"' stdout | tr -dc '0-9\n' | tr '\n' ' ')" "$(active && echo '1 2 3 4 5 6 7 8 9 10 11 12 ')" "their output"
active && [ "$(grep -c '"prepared":true' stdout)" -lt 3 ] && fail "only $(grep -c '"prepared":true' stdout) of 13 jobs got one"

claim "HOSTILE 33: a regular file, a directory and a link in the socket's place are refused by name and stay what they are"
echo precious >file; mkdir folder; ln -s file link
for name in file folder link; do
  run "$swiftlet" pool --socket "$name" --size 1
  status_is 125
  stderr_says "$name: is there and is no socket"
done
equal "$(cat file)" precious "the file"
active && [ -L link ] && [ -d folder ] || fail "a file that is no socket is gone"

claim "HOSTILE 33: a pool that ends removes its own socket and nobody's file that has taken its place"
pool
active && rm s && echo mine >s
end_pool
equal "$(cat s 2>/dev/null)" mine "the file in the socket's place"

claim "HOSTILE 32: more idle connections than the limit of open files end neither the pool nor the job on its machine"
needs python3
active && ulimit -S -n 1024
pool
active && "$swiftlet" run --pool=s --meta meta.json -- sh -c 'sleep 2; echo done' </dev/null >long 2>&1 &
long_id=$!
cat >many.py <<'EOP'
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = []
for _ in range(1500):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("s")
    held.append(s)
time.sleep(0.5)
EOP
run python3 many.py
status_is 0
warm_run -- echo here
status_is 0
stdout_is here
was_prepared
active && wait "$long_id"
equal "$(cat long 2>/dev/null)" done "the job that ran beside"
active && kill -0 "$pool_id" 2>/dev/null || fail "the pool is gone"
end_pool

claim "HOSTILE 32: a pool whose limit of open files is too low for its machines says so"
run sh -c 'ulimit -n 60; exec "$1" pool --socket s --size 2' sh "$swiftlet"
status_is 125
stderr_says 'ulimit -n'
