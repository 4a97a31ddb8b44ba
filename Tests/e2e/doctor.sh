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
runs_linux() { grep -qwE 'svm|vmx' /proc/cpuinfo; }

claim "doctor says which kernels this host can run, why not linux, and which are built"
run "$swiftlet" doctor
if runs_linux; then stdout_says "tiny, linux and other Linux kernels"; else stdout_says "tiny; not linux: this host's KVM is ring-deprivileged"; fi
active && ! grep ' kernels ' stdout | grep -q 'built: ' && fail "not what is built"

claim "--kernel linux is refused with the reason that holds on this host: 125, one line, nothing run"
runs_linux && skip "this host's KVM can run it"
run "$swiftlet" run --kernel linux -- echo hi
status_is 125
stdout_is
stderr_is_one_line
stderr_says "--kernel linux: this host's KVM is ring-deprivileged"

claim "a Linux kernel that is not built, where one could run, says what builds it"
runs_linux || skip "this host's KVM cannot run one"
run env SWIFTLET_HOME=/nonexistent "$swiftlet" run --kernel linux -- echo hi
status_is 125
stdout_is
stderr_is_one_line
stderr_says 'swiftlet image build-kernel linux'

claim "a file is told to be a Linux by its bytes, whatever it is called, and refused before anything else is looked at"
runs_linux && skip "this host's KVM can run it"
# An ELF header, and one segment where every x86-64 Linux has its text.
head -c 4096 /dev/zero >tiny
put() { printf "$2" | dd of=tiny bs=1 seek="$1" conv=notrunc 2>/dev/null; }
put 0 '\177ELF'
put 32 '\100'
put 56 '\001'
put 64 '\001'
put 83 '\201\377\377\377\377'
put 91 '\001'
run "$swiftlet" run --kernel ./tiny --image no-such-image -- echo hi
status_is 125
stderr_is_one_line
stderr_says "--kernel ./tiny: this host's KVM is ring-deprivileged"

claim "a line of a batch that asks for linux is refused with the same reason; the others run"
runs_linux && skip "this host's KVM can run it"
printf '%s\n' '{"command":["true"],"kernel":"linux"}' '{"command":["true"]}' >jobs
run "$swiftlet" batch jobs
status_is 1
stderr_says "line 1: --kernel linux: this host's KVM is ring-deprivileged"
stdout_says '"reason":"exited"'

claim "--initramfs and several processors belong to a Linux kernel: refused by name with the kernel tiny"
tiny_only "about the kernel tiny"
echo text >archive
run "$swiftlet" run --initramfs archive -- echo hi
status_is 125
stdout_is
stderr_says --initramfs
run "$swiftlet" run -c 2 -- echo hi
status_is 2
stderr_says --cpus
