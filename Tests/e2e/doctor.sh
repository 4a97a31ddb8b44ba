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
