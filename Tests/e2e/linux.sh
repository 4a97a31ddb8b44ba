# The guest kernel linux, where the host's KVM can run one and it is built: what is not the same on every kernel. The other files
# run on it with E2E_KERNEL=linux.

runs_linux() { grep -qwE 'svm|vmx' /proc/cpuinfo; }
linux_kernel() { # NAME
  runs_linux || { skip "this host's KVM cannot run an unmodified Linux"; return; }
  [ -e "$E2E_STORE/kernels/$1" ] || skip "the kernel $1 is not built (swiftlet image build-kernel $1)"
}

claim "--kernel linux: the job's kernel is the Linux that was built, and the result names it"
linux_kernel linux
run "$swiftlet" run --kernel linux --meta meta.json -- sh -c 'uname -sr; cat /proc/version'
status_is 0
active && { grep -q '^Linux 6\.' stdout && grep -q '^Linux version 6\.' stdout || fail "not a Linux 6"; }
active && equal "$(grep -oE '"kernel":\{"name":"[^"]*"' meta.json)" '"kernel":{"name":"linux"' "the result"

claim "-c 2: two processors, and both compute"
linux_kernel linux
run "$swiftlet" run --kernel linux -c 2 -- sh -c 'grep -c ^processor /proc/cpuinfo; for i in 1 2; do (seq 20000 | md5sum) & done; wait'
status_is 0
active && equal "$(head -n 1 stdout) $(sort -u stdout | wc -l) $(wc -l <stdout)" '2 2 3' "processors, different lines, lines"

claim "a panic of Linux, on purpose: 125, guest_panic, with its words"
linux_kernel linux
run "$swiftlet" run --kernel linux --meta meta.json -- sh -c 'echo before; echo c >/proc/sysrq-trigger; echo after'
status_is 125
reason_is guest_panic
stderr_is_one_line
stderr_says 'the guest kernel panicked: sysrq triggered crash'
active && grep -q after stdout && fail "the job went on"

claim "memory that runs out in Linux: 137, out_of_memory, and its guest lives to report it"
linux_kernel linux
run "$swiftlet" run --kernel linux -m 128M --meta meta.json -- awk 'BEGIN { s = "x"; while (1) s = s s }'
status_is 137
reason_is out_of_memory

claim "a program that kills process 1 of its Linux gains nothing: no success without its report"
linux_kernel linux
run "$swiftlet" run --kernel linux --meta meta.json -- sh -c 'kill -9 1; kill -SEGV 1; echo alive'
status_is 0
stdout_is alive

claim "the job's superuser cannot read what its init was given: the machine's memory does not open, by whatever name"
linux_kernel linux
run "$swiftlet" run --kernel linux -- sh -c 'ls /dev/mem; mknod mem c 1 1 && head -c 1 mem; echo "$?"'
status_is 0
stdout_is 1
stderr_says 'mem: Operation not permitted'

claim "memory that the job has given up goes back to the host while the job runs"
linux_kernel linux
active && mkfifo go
active && {
  "$swiftlet" run -i --kernel linux -m 512M -- sh -c 'dd if=/dev/zero of=/dev/null bs=200M count=1; echo freed; read -r line' \
    <go >job-output 2>job-error &
  job=$!
  exec 5>go
}
resident() { sed -n "s/^$1:[[:space:]]*\([0-9]*\) kB/\1/p" "/proc/$(vmms $job)/status" 2>/dev/null; }
# Linux reports what has been free for two seconds; the guard is one against a hang.
tries=0
while active; do
  now=$(resident VmRSS)
  if grep -q freed job-output && [ "${now:-999999}" -lt 150000 ]; then break; fi
  tries=$((tries + 1))
  [ $tries -lt 300 ] || fail "never below 150 MB: VmRSS ${now:-gone}, VmHWM $(resident VmHWM)"
  sleep 0.2
done
active && { [ "$(resident VmHWM)" -gt 200000 ] || fail "it never held the 200 MB: VmHWM $(resident VmHWM)"; }
[ -z "${job:-}" ] || { exec 5>&-; wait $job; job=; }

claim "Debian's own cloud kernel, as it comes, boots to our init and runs the job"
linux_kernel debian
run "$swiftlet" run --kernel debian --meta meta.json -- sh -c 'uname -r; echo hello'
status_is 0
active && { grep -q -- '-cloud-amd64$' stdout && grep -qx hello stdout || fail "not Debian's cloud kernel"; }
reason_is exited

claim "a template of a booted Linux runs any job, each with a nonce, a clock, random numbers and a boot of its own"
linux_kernel linux
store_of_its_own linux-templates
SWIFTLET_HOME=$store run "$swiftlet" template create booted --kernel linux
status_is 0
stderr_says "template booted: kernel"
SWIFTLET_HOME=$store run "$swiftlet" run --template booted -e GREETING=hello -w /tmp -u 7:8 -- sh -c 'echo "$GREETING $(pwd) $(id -u) $(id -g)"; exit 5'
status_is 5
stdout_is "hello /tmp 7 8"
printf 'typed\n' >typed
active && before=$(date +%s)
for round in 1 2 3; do
  SWIFTLET_HOME=$store run_from typed "$swiftlet" run -i --template booted -- sh -c 'cat >&2; cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | hexdump -v -e "16/1 \"%02x\""; echo; date +%s'
  status_is 0
  stderr_says typed
  active && head -n 2 stdout >>drawn && now=$(tail -n 1 stdout) && { [ "$now" -ge "$before" ] && [ "$now" -le "$(($(date +%s) + 1))" ] || fail "$now is not now"; }
done
active && equal "$(sort -u drawn | wc -l)" 6 "different values of 6"

claim "a template's job has its limits, and a program on Linux goes on from its checkpoint with the new job's arguments"
linux_kernel linux
SWIFTLET_HOME=$store run "$swiftlet" run --template booted --timeout 4s --meta meta.json -- sleep 600
status_is 124
reason_is wall_timeout
SWIFTLET_HOME=$store run "$swiftlet" run --template booted --pids 5 --meta meta.json -- sh -c 'i=0; while [ $i -lt 20 ]; do sleep 100 & i=$((i+1)); done; exit 3'
status_is_not 0
reason_is pids_limit
SWIFTLET_HOME=$store run "$swiftlet" template create program -q --kernel linux -- sh -c 'kept=42; echo before; words=$(tr "\0" " " </dev/checkpoint); echo "$kept $words"; exit 3'
status_is 0
stdout_is before
SWIFTLET_HOME=$store run "$swiftlet" run --template program -- one 'two  three'
status_is 3
stdout_is "42 one two  three "

claim "a template of Debian's own kernel, too: its job has the arguments of the run"
linux_kernel debian
SWIFTLET_HOME=$store run "$swiftlet" template create stock --kernel debian
status_is 0
for round in 1 2; do
  SWIFTLET_HOME=$store run "$swiftlet" run --template stock --meta meta.json -- sh -c 'uname -r; echo "$0"; cat /proc/sys/kernel/random/boot_id' "round $round"
  status_is 0
  active && { grep -q -- '-cloud-amd64$' stdout && grep -qx "round $round" stdout || fail "not this job on Debian's kernel"; }
  active && tail -n 1 stdout >>boots
done
active && equal "$(sort -u boots | wc -l)" 2 "different boots of 2"

claim "a template of two processors: every job from it has both, and so has a program that was computing on them when it was saved"
linux_kernel linux
store_of_its_own linux-pairs
both='nproc; for cpu in 0 1; do taskset -c $cpu cut -d" " -f39 /proc/self/stat; done'   # proc(5): the processor it ran on last
SWIFTLET_HOME=$store run "$swiftlet" template create pair -q --kernel linux -c 2
status_is 0
for round in 1 2; do
  SWIFTLET_HOME=$store run "$swiftlet" run --template pair -- sh -c "$both"
  status_is 0
  stdout_is 2 0 1
done
SWIFTLET_HOME=$store run "$swiftlet" template create busy -q --kernel linux -c 2 -- sh -c '
  for i in 1 2 3; do while :; do :; done & done
  words=$(tr "\0" " " </dev/checkpoint)
  kill %1 %2 %3; echo "$words"; '"$both"
status_is 0
SWIFTLET_HOME=$store run "$swiftlet" run --template busy -- one two
status_is 0
stdout_is 'one two ' 2 0 1
SWIFTLET_HOME=$store run "$swiftlet" template ls --json
active && equal "$(grep -c '"cpus":2' stdout)" 2 "templates of two processors"
SWIFTLET_HOME=$store run "$swiftlet" run --template pair -c 1 -- true
status_is 2
stderr_says "--cpus: template pair has its own"
