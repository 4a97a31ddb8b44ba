# Limits: each ends its job with its own reason and evidence, and does nothing to jobs that keep within it.

# evidence KEY: of the result's evidence.
evidence() { tr -d '\n' <meta.json | grep -oE '"evidence":\{[^}]*\}' | grep -oE "\"$1\":(\"[^\"]*\"|[0-9]+)" | sed 's/^"[^"]*"://; s/"//g'; }
evidence_is() { # LIMIT VALUE UNIT BY
  equal "$(evidence limit) $(evidence value) $(evidence unit) $(evidence measured_by)" "$*" "the evidence"
}
at_least() { active && { [ "${1:-0}" -ge "$2" ] || fail "$3 is $1, less than $2"; }; return 0; }

claim "--cpu-time ends a job that computes, with cpu_timeout and 124"
run "$swiftlet" run --cpu-time 300ms --timeout 100s --meta meta.json -- sh -c 'while :; do :; done'
status_is 124
reason_is cpu_timeout
evidence_is cpu_time 300000 us host
at_least "$(evidence measured)" 300000 "the measured time"
stderr_is_one_line
stderr_says 'processor time'

claim "--cpu-time counts what programs and their children compute together"
slow linux
run "$swiftlet" run --cpu-time 400ms --timeout 100s --meta meta.json -- sh -c 'for i in 1 2 3; do (while :; do :; done) & done; wait'
status_is 124
reason_is cpu_timeout

claim "a job that sleeps uses none of its --cpu-time"
slow linux
run "$swiftlet" run --cpu-time $brief --meta meta.json -- sh -c 'sleep 2; echo done'
status_is 0
stdout_is done
reason_is exited
equal "$(evidence limit)" '' "the evidence"
at_most "$(meta cpu)" $brief_us "microseconds of processor time"

claim "the first of two limits decides"
slow linux
run "$swiftlet" run --cpu-time 100s --timeout 300ms --meta meta.json -- sh -c 'while :; do :; done'
status_is 124
reason_is wall_timeout
evidence_is timeout 300000 us host

claim "--pids: a fork beyond it is refused, and a job that fails of it says so"
run "$swiftlet" run --pids 5 --timeout 100s --meta meta.json -- sh -c 'i=0; while [ $i -lt 20 ]; do sleep 100 & i=$((i+1)); done; exit 3'
status_is_not 0
reason_is pids_limit
equal "$(evidence limit) $(evidence value) $(evidence unit) $(evidence measured_by)" 'pids 5 refusals guest' "the evidence"

claim "HOSTILE 26: --pids: a fork bomb neither ends its guest nor outlives its time limit"
run "$swiftlet" run --pids 16 --timeout $brief --meta meta.json -- sh -c 'f() { f | f & }; f; sleep 1000'
active && case "$(meta reason)" in pids_limit | wall_timeout) ;; *) fail "reason '$(meta reason)'" ;; esac

claim "--pids: a job that keeps within it, or lives with refusals, is a success"
run "$swiftlet" run --pids 5 --meta meta.json -- sh -c 'echo a | cat | cat'
status_is 0
stdout_is a
reason_is exited

claim "output beyond --max-output: the evidence"
slow linux
run "$swiftlet" run --max-output 64K --meta meta.json -- yes
status_is 153
reason_is output_limit
equal "$(evidence limit) $(evidence value) $(evidence unit) $(evidence measured_by)" 'max_output 65536 bytes host' "the evidence"
at_least "$(evidence measured)" 65537 "the bytes"

claim "memory: the evidence"
run "$swiftlet" run -m 64M --timeout 100s --meta meta.json -- awk 'BEGIN { s = "x"; while (1) s = s s }'
status_is 137
reason_is out_of_memory
equal "$(evidence limit) $(evidence value) $(evidence measured_by)" 'memory 67108864 guest' "the evidence"

claim "HOSTILE 26: a job that fills its scratch disk: disk_full if it fails of it, with its own status"
needs disk
run "$swiftlet" run --disk 8M --timeout 100s --meta meta.json -- sh -c 'head -c 20000000 /dev/zero >/tmp/all || exit 5'
status_is 5
reason_is disk_full
equal "$(evidence limit) $(evidence value) $(evidence measured_by)" 'disk 8388608 guest' "the evidence"
run "$swiftlet" run --disk 8M --timeout 100s --meta meta.json -- sh -c 'head -c 20000000 /dev/zero >/tmp/all; rm /tmp/all; exit 0'
status_is 0
reason_is exited

claim "bad values are refused by name"
run "$swiftlet" run --pids 0 -- true
status_is 2
stderr_says --pids
run "$swiftlet" run --cpu-time 0s -- true
status_is 2
stderr_says --cpu-time

# Rates: only lower bounds of time are asserted, on the host's clock; a busy machine makes them longer, nothing shorter.
claim "--device-write-bps: a disk takes no more bytes a second, and what was written is right"
needs disk
run "$swiftlet" run -m 32M --disk 128M --device-write-bps disk:4M --timeout 100s --meta meta.json -- \
  sh -c 'seq 5000000 | head -c 36000000 >/tmp/all; md5sum </tmp/all'
status_is 0
active && stdout_is "$(seq 5000000 | head -c 36000000 | md5sum)"
# Half of 32M may stay in memory, a tenth of a second's worth comes at once.
at_least "$(meta wall)" 4000000 "the microseconds for 20 MB at 4 MB/s"
active && equal "$(grep -oE '"disk_write_bps":\{[^}]*\}' meta.json)" '"disk_write_bps":{"value":4194304,"enforced_by":"vmm"}' "the result"

claim "--device-read-iops: the root image as a device answers no more requests a second"
slow linux
run "$swiftlet" run --root-transport block --device-read-iops root:10 --timeout 100s --meta meta.json -- sh -c 'cat /bin/* >/dev/null 2>&1; echo done'
status_is 0
stdout_is done
at_least "$(meta wall)" 1000000 "the microseconds for more than ten requests"

claim "a throttled disk does not hold up the job's streams, nor its end"
needs disk
run "$swiftlet" run -m 32M --disk 128M --device-write-bps disk:1 --timeout 20s --max-output 64M --meta meta.json -- \
  sh -c '(head -c 36000000 /dev/zero >/tmp/all) & head -c 5000000 /dev/zero; sleep 1; exit 3'
active && equal "$(size_of stdout)" 5000000 "bytes of output"
status_is 3

claim "rates that would limit nothing are refused"
tiny_only "the root image of a Linux is a virtio-block device, which has rates"
run "$swiftlet" run --device-write-bps disk:1M -- true
status_is 2
stderr_says --disk
run "$swiftlet" run --device-read-bps root:1M -- true
status_is 2
stderr_says --root-transport
for value in 1M sda:1M disk:0 disk: disk:-1 disk:x; do
  run "$swiftlet" run --disk 8M --device-read-bps $value -- true
  status_is 2
  stderr_says --device-read-bps
done

claim "--ulimit nofile: the job's first process has it, soft and hard, and meets it as EMFILE"
run "$swiftlet" run --ulimit nofile=12:20 --meta meta.json -- sh -c 'ulimit -n; ulimit -Hn; (i=3; while exec 9</dev/null && eval "exec $i</dev/null"; do i=$((i+1)); done) 2>/dev/null; i=3; while [ $i -lt 9 ]; do eval "exec $i</dev/null"; i=$((i+1)); done; ls / >/dev/null && echo lists'
status_is 0
stdout_is 12 20 lists
active && equal "$(meta nofile)" 12 "the result's limit"
run "$swiftlet" run --ulimit nofile=8 -- sh -c 'i=3; while [ $i -lt 9 ]; do eval "exec $i</dev/null"; i=$((i+1)); done; echo all'
status_is_not 0
stdout_is
stderr_says 'too many open files'

claim "--ulimit nofile: a python program sees OSError 24, not a crash"
slow linux
needs python
run "$swiftlet" run --image python --ulimit nofile=20 -- python3 -c '
import resource
print(resource.getrlimit(resource.RLIMIT_NOFILE))
files = []
try:
  while True: files.append(open("/dev/null"))
except OSError as error: print(error.errno, len(files))'
status_is 0
stdout_is '(20, 20)' '24 17'

claim "a bad --ulimit is refused by name"
for value in nofile nofile= nofile=3 nofile=9:8 nofile=1:2:3 nproc=5 nofile=-1 nofile=4294967297; do
  run "$swiftlet" run --ulimit $value -- true
  status_is 2
  stderr_says --ulimit
done

claim "--stream-bps: output and input pass no faster, and whole"
slow linux
run "$swiftlet" run --stream-bps 100K --timeout 100s --meta meta.json -- sh -c 'head -c 400000 /dev/zero'
status_is 0
active && equal "$(size_of stdout)" 400000 "bytes of output"
at_least "$(meta wall)" 3500000 "the microseconds for 390 KB at 100 KB/s"
active && head -c 400000 /dev/zero >input
run_from input "$swiftlet" run -i --stream-bps 100K --timeout 100s --meta meta.json -- wc -c
status_is 0
stdout_is 400000
at_least "$(meta wall)" 3500000 "the microseconds for 390 KB at 100 KB/s"

claim "--stream-bps: a limit of time ends a job whose output waits"
slow linux
run "$swiftlet" run --stream-bps 1 --timeout $brief --meta meta.json -- sh -c 'head -c 400000 /dev/zero'
status_is 124
reason_is wall_timeout
