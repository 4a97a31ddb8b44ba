# What goes wrong below the job: each failure has its own reason, one line on stderr, and never status 0.
# The kernels are Tests/evil: a few instructions each, booted as guest kernels.

claim "HOSTILE 26: a guest kernel that panics: 125, guest_panic, with the kernel's message"
needs_evil() { [ -e "$E2E_EVIL/$1" ] || fail "no $E2E_EVIL/$1; run 'make evil'"; }
needs_evil panic
run "$swiftlet" run --kernel "$E2E_EVIL/panic" --meta meta.json -- true
status_is 125
reason_is guest_panic
stderr_says 'panic on purpose'
stdout_is

claim "HOSTILE 26: a triple fault: 125, guest_panic, called a triple fault"
needs_evil triple-fault
run "$swiftlet" run --kernel "$E2E_EVIL/triple-fault" --meta meta.json -- true
status_is 125
reason_is guest_panic
stderr_matches 'triple fault|shut ?down'

claim "HOSTILE 18: a guest that powers off without a report: 125 and not success"
needs_evil power-off
run "$swiftlet" run --kernel "$E2E_EVIL/power-off" --meta meta.json -- true
status_is 125
active && case $(meta reason) in guest_panic | protocol_error | start_failed) ;; *) fail "reason '$(meta reason)'" ;; esac

claim "HOSTILE 21, 26: a guest that spins with interrupts off is stopped by --timeout"
needs_evil spin
run "$swiftlet" run --kernel "$E2E_EVIL/spin" --timeout 1s --meta meta.json -- true
status_is 124
active && case $(meta reason) in wall_timeout | guest_hang) ;; *) fail "reason '$(meta reason)'" ;; esac

# killed_when_ready SIGNAL WHOM: runs a long job; once it has printed `ready`, sends SIGNAL to WHOM (launcher, vmm).
killed_when_ready() {
  active || return 0
  cat >"$E2E_WORK/kill.sh" <<'SCRIPT'
. "$E2E_DIRECTORY/lib.sh"; trap - EXIT
while ! grep -q ready stdout; do kill -0 "$3" || exit 0; sleep 0.1; done
case $2 in launcher) victims=$3 ;; vmm) victims=$(vmms "$3") ;; esac
[ -n "$victims" ] || echo "no swiftlet-vmm below $3" >&2
kill -s "$1" $victims
SCRIPT
  # The launcher keeps the shell's pid and its place in the foreground: a background child would ignore SIGINT.
  run sh -c 'signal=$1 whom=$2; shift 2; sh -u "$E2E_WORK/kill.sh" "$signal" "$whom" $$ & exec "$@"' sh "$1" "$2" \
    "$swiftlet" run --timeout 100s --meta meta.json -- sh -c 'echo ready; sleep 1000'
}

claim "a VMM killed from outside: 125, vmm_error, and the line says killed"
killed_when_ready KILL vmm
status_is 125
reason_is vmm_error
stderr_matches 'kill|signal 9'

claim "Ctrl-C: 130, cancelled, nothing left"
ours >before
killed_when_ready INT launcher
status_is 130
reason_is cancelled
nothing_left before

claim "SIGTERM to the launcher ends the job too: not 0, cancelled, nothing left"
ours >before
killed_when_ready TERM launcher
status_is_not 0
reason_is cancelled
nothing_left before

claim "a launcher that is killed outright takes its VM along"
ours >before
killed_when_ready KILL launcher
status_is 137
nothing_left before
