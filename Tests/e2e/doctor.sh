# swiftlet doctor: whether jobs can run here, found out by running some.

claim "doctor says that jobs can run here, and has run some"
run "$swiftlet" doctor
status_is 0
stdout_says '/dev/kvm'
stdout_says '5 jobs ran'
active && grep -q PROBLEM stdout && fail "a problem where none is"

claim "doctor --json is JSON, with a verdict"
run "$swiftlet" doctor --json
status_is 0
active && case $(cat stdout) in '{"can_run_jobs":true,"findings":['*']}') ;; *) fail "not the JSON expected" ;; esac

claim "without its images doctor names the problem and what to do, and ends with 1"
run env SWIFTLET_HOME=/nonexistent "$swiftlet" doctor
status_is 1
stdout_says PROBLEM
stdout_says 'swiftlet image build base'

claim "with a VMM that does not work doctor ends with 1"
run env SWIFTLET_VMM=/bin/false "$swiftlet" doctor
status_is 1
stdout_says PROBLEM

claim "doctor --attack without the kit of evil kernels says what builds it, and ends with 1"
cp "$E2E_BIN/swiftlet" "$E2E_BIN/swiftlet-vmm" "$E2E_BIN/swiftlet-kernel" .
run ./swiftlet doctor --attack
status_is 1
stderr_says 'make evil'
stderr_is_one_line

# What KVM does with ring 0 was found out by the trial; /proc/cpuinfo is the second opinion here.
if grep -qwE 'svm|vmx' /proc/cpuinfo; then why='could run it'; else why='ring-deprivileged'; fi

claim "doctor says which kernels this host can run, and why not linux"
run "$swiftlet" doctor
stdout_says "tiny; not linux: "
active && ! grep 'not linux' stdout | grep -q "$why" && fail "not the reason that holds here ($why)"

claim "--kernel linux is refused with the reason that holds on this host: 125, one line, nothing run"
run "$swiftlet" run --kernel linux -- echo hi
status_is 125
stdout_is
stderr_is_one_line
stderr_says '--kernel linux: '
stderr_says "$why"

claim "a line of a batch that asks for linux is refused with the same reason; the others run"
printf '%s\n' '{"command":["true"],"kernel":"linux"}' '{"command":["true"]}' >jobs
run "$swiftlet" batch jobs
status_is 1
stderr_says "line 1: --kernel linux: "
stderr_says "$why"
stdout_says '"reason":"exited"'
