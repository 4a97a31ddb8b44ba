# Hostile guests: each Tests/evil kernel ends with a clear verdict, never as success, leaves nothing, and does not make
# the VMM itself fail (a VMM that crashed would be reason vmm_error).

# evil LIMIT KERNEL REASON...: KERNEL ends with status 125 or 124 and one of the REASONs. Those that never end by themselves
# get a short LIMIT. The variable `options` holds more options, if set. A kernel that checks what it gets panics if it is wrong,
# so guest_panic is no REASON for those.
options=
evil() {
  limit=$1 kernel=$2; shift 2
  active || return 0
  [ -e "$E2E_EVIL/$kernel" ] || fail "no $E2E_EVIL/$kernel; run 'make evil'"
  # shellcheck disable=SC2086 # some options
  run "$swiftlet" run --kernel "$E2E_EVIL/$kernel" -m 64M $options --timeout "$limit" --meta meta.json -- true
  active && case $status in 124 | 125) ;; *) fail "status $status" ;; esac
  active && case " $* " in *" $(meta reason) "*) ;; *) fail "reason '$(meta reason)', expected one of: $*" ;; esac
  stdout_is
}
ours >"$E2E_WORK/before-evil"

claim "HOSTILE 15: a guest without an IDT"
evil 60s triple-fault guest_panic
claim "HOSTILE 15: a panic whose message lies outside memory"
evil 60s wild-message guest_panic
claim "HOSTILE 15: a guest that logs without end is bounded"
evil 2s log-flood wall_timeout guest_hang guest_panic
active && at_most "$(size_of stderr)" $((256 * 1024)) "bytes of log on stderr"
claim "HOSTILE 2: every register of every device, with every width"
evil 60s mmio-storm guest_panic protocol_error
claim "HOSTILE 15: every I/O port and string I/O"
evil 60s ports guest_panic protocol_error
claim "HOSTILE 15: model-specific registers by the thousand"
evil 60s msrs guest_panic protocol_error
claim "HOSTILE 24: writes into the read-only root image"
evil 60s read-only-image guest_panic protocol_error
run "$swiftlet" run -- echo 'the image is whole'
stdout_is 'the image is whole'
claim "HOSTILE 15, 21: a spin in ring 0 with interrupts off"
evil 2s spin-ring0 wall_timeout guest_hang guest_panic
claim "HOSTILE 15: a halt that nothing ends"
evil 2s sleep-forever wall_timeout guest_hang guest_panic
claim "HOSTILE 1, 3: queues outside memory, of impossible sizes, changed in use"
evil 60s queue-wild guest_panic protocol_error
for device in VSOCK ENTROPY CONSOLE; do
  claim "HOSTILE 4, 5, 6: descriptor chains of every wrong shape, in the queues of the $device device"
  for kind in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
    evil 60s chains-$device-$kind guest_panic protocol_error
  done
done
claim "HOSTILE 4, 5, 6: descriptor chains of every wrong shape, in the queue of a block device"
options='--root-transport block'
for kind in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
  evil 60s chains-BLOCK-$kind guest_panic protocol_error
done
options=
claim "HOSTILE 3: every transition of the status register, of every device, with a chain waiting"
evil 60s status-walk protocol_error
claim "HOSTILE 7: event indices at every extreme, and 70,000 chains through them"
evil 60s event-index protocol_error
claim "HOSTILE 9: resets in the middle of requests; nothing is written after one"
options='--root-transport block'
evil 60s reset-storm protocol_error
options=
claim "HOSTILE 6: descriptors and headers rewritten by the guest while the device reads them"
options='--root-transport block'
evil 60s time-of-use protocol_error
options=
claim "HOSTILE 8, 24: block requests of every wrong kind, to the read-only root disk"
options='--root-transport block'
evil 60s block-image protocol_error
options=
claim "HOSTILE 8, 10: block requests of every wrong kind, to a scratch disk that was made to look like another image"
needs disk
options='--root-transport block --disk 16M'
evil 60s block-wild protocol_error
evil 60s reset-storm protocol_error
evil 60s time-of-use protocol_error
options=
claim "HOSTILE 14: entropy requests without end, a megabyte each"
evil 60s entropy-flood protocol_error
claim "HOSTILE 12: credit attacks: none at all, taken back, wrapped, and for bytes that were never sent"
evil 60s vsock-credit protocol_error
claim "HOSTILE 13: connection floods, half-open and half-closed connections, with no buffer for the answers"
evil 60s vsock-connections protocol_error
claim "HOSTILE 13, 21: a guest that stops reading while its input waits: the device loop sleeps, and the time limit ends it"
active && mkfifo input
active && { while :; do cat "$E2E_EVIL"/*; done >input 2>/dev/null & feeder=$!; }
active && { "$swiftlet" run -i --kernel "$E2E_EVIL/deaf" -m 64M --timeout 4s --meta meta.json -- true <input >stdout 2>stderr & launcher=$!; }
if active; then
  sleep 3
  for task in /proc/"$(vmms $launcher)"/task/*; do
    # The vCPU's thread spins; every other one has used next to nothing, in hundredths of a second.
    [ "$(cat "$task/comm")" = vcpu ] || at_most "$(awk '{print $14 + $15}' "$task/stat")" 50 "processor time of thread $(cat "$task/comm")"
  done
  wait $launcher; status=$?
  kill $feeder 2>/dev/null; wait $feeder 2>/dev/null
fi
status_is 124
reason_is wall_timeout
claim "HOSTILE 15: string instructions on device pages"
evil 60s string-mmio protocol_error guest_panic
claim "HOSTILE 15: an instruction KVM cannot emulate ends the guest, with the instruction's bytes"
evil 60s internal-error guest_panic
active && case $(meta message) in *INTERNAL_ERROR*) ;; *) fail "message '$(meta message)'" ;; esac
claim "HOSTILE 15: reboot ports of every PC: nothing happens, and the triple fault at their end ends this VM alone"
evil 60s reboot guest_panic
active && case $(meta message) in *'triple fault'*) ;; *) fail "message '$(meta message)'" ;; esac
claim "HOSTILE 15, 23: a timer storm is the guest's own processor time"
evil 60s timer-storm protocol_error
claim "HOSTILE 23: a periodic timer of a nanosecond under a halted processor uses no more than one processor"
evil 2s timer-periodic wall_timeout
active && at_most "$(meta cpu)" 2500000 "microseconds of processor time in 2 s"
claim "HOSTILE 15: interrupts it sends itself, of every kind, to processors that are there and that are not"
evil 60s self-interrupts protocol_error
claim "HOSTILE 15: a system management interrupt it sends itself"
evil 2s self-smi protocol_error guest_panic wall_timeout
claim "HOSTILE 15: the only processor stops itself with INIT"
evil 2s self-init wall_timeout guest_panic
claim "HOSTILE 15: page tables that point at themselves, at one frame a million times, at devices and nowhere"
evil 60s page-tables protocol_error
evil 60s reserved-bits guest_panic
active && case $(meta message) in *'triple fault'*) ;; *) fail "message '$(meta message)'" ;; esac
claim "HOSTILE 15: hypercalls of every number"
evil 60s hypercalls protocol_error
claim "HOSTILE 23: no nested virtualisation: neither told of nor to be had"
evil 60s nested protocol_error
claim "HOSTILE 7: notifications of queues that are not there"
evil 60s notify-storm guest_panic protocol_error wall_timeout guest_hang
claim "HOSTILE 11, 12, 13: vsock packets of every wrong kind"
evil 60s vsock-flood guest_panic protocol_error wall_timeout guest_hang

claim "HOSTILE 18: a forged report with another boot's nonce is not success"
evil 60s forged-nonce protocol_error
stderr_says 'an exit report of another boot'
claim "HOSTILE 18: a guest that makes up a nonce and reports success with it is not success"
evil 60s forged-hello protocol_error
stderr_says 'a hello of another boot'
claim "HOSTILE 18: a report of success without its output streams is not success"
evil 60s exit-without-streams protocol_error
claim "HOSTILE 18: a report cut before its end is not success"
evil 60s exit-not-finished protocol_error
claim "HOSTILE 18: two exit reports are a protocol error"
evil 60s two-exits protocol_error
stderr_says 'out of order'
claim "HOSTILE 18: output after the exit report, which told of none, is a protocol error"
evil 60s output-after-exit protocol_error
stderr_says 'it reports 0 bytes of standard error, 1000 arrived'
claim "HOSTILE 18: a frame of 4 GiB is a protocol error and costs no memory"
evil 60s endless-frame protocol_error
active && at_most "$(meta max_resident_kib)" $((64 * 1024 + 32 * 1024)) "the VMM's peak in KiB, guest RAM included"
claim "HOSTILE 18: a flood of unknown frames is a protocol error"
evil 60s tiny-frames protocol_error

claim "HOSTILE 25: nothing of all these guests is left: no process, mount, cgroup or file"
nothing_left "$E2E_WORK/before-evil"

claim "HOSTILE 13, 25: an honest job beside connection floods, credit attacks and timer storms comes out right, five times"
ours >before
pids=
for kernel in vsock-connections vsock-credit timer-periodic; do
  "$swiftlet" run --kernel "$E2E_EVIL/$kernel" -m 64M --timeout 3s -- true >/dev/null 2>&1 &
  pids="$pids $!"
done
for turn in 1 2 3 4 5; do
  run "$swiftlet" run -- sh -c 'seq 1000 | sort -n | tail -n 1'
  status_is 0
  stdout_is 1000
done
wait $pids
nothing_left before

claim "HOSTILE 25: an honest job beside a hostile one is not disturbed"
ours >before
"$swiftlet" run --kernel "$E2E_EVIL/mmio-storm" --timeout 20s -- true >/dev/null 2>&1 &
one=$!
"$swiftlet" run --kernel "$E2E_EVIL/spin" --timeout 3s -- true >/dev/null 2>&1 &
two=$!
run "$swiftlet" run -- sh -c 'seq 1000 | sort -n | tail -n 1'
status_is 0
stdout_is 1000
wait $one $two
nothing_left before
