# Hostile guests: each Tests/evil kernel ends with a clear verdict, never as success, leaves nothing, and does not make
# the VMM itself fail (a VMM that crashed would be reason vmm_error).

# evil LIMIT KERNEL REASON...: KERNEL ends with status 125 or 124 and one of the REASONs. Those that never end by themselves
# get a short LIMIT.
evil() {
  limit=$1 kernel=$2; shift 2
  active || return 0
  [ -e "$E2E_EVIL/$kernel" ] || fail "no $E2E_EVIL/$kernel; run 'make evil'"
  run "$swiftlet" run --kernel "$E2E_EVIL/$kernel" -m 64M --timeout "$limit" --meta meta.json -- true
  active && case $status in 124 | 125) ;; *) fail "status $status" ;; esac
  active && case " $* " in *" $(meta reason) "*) ;; *) fail "reason '$(meta reason)', expected one of: $*" ;; esac
  stdout_is
}
ours >"$E2E_WORK/before-evil"

claim "a guest without an IDT"
evil 60s triple-fault guest_panic
claim "a panic whose message lies outside memory"
evil 60s wild-message guest_panic
claim "a guest that logs without end is bounded"
evil 2s log-flood wall_timeout guest_hang guest_panic
active && at_most "$(size_of stderr)" $((256 * 1024)) "bytes of log on stderr"
claim "every register of every device, with every width"
evil 60s mmio-storm guest_panic protocol_error
claim "every I/O port and string I/O"
evil 60s ports guest_panic protocol_error
claim "model-specific registers by the thousand"
evil 60s msrs guest_panic protocol_error
claim "writes into the read-only root image"
evil 60s read-only-image guest_panic protocol_error
run "$swiftlet" run -- echo 'the image is whole'
stdout_is 'the image is whole'
claim "a spin in ring 0 with interrupts off"
evil 2s spin-ring0 wall_timeout guest_hang guest_panic
claim "a halt that nothing ends"
evil 2s sleep-forever wall_timeout guest_hang guest_panic
claim "queues outside memory, of impossible sizes, changed in use"
evil 60s queue-wild guest_panic protocol_error
for device in VSOCK ENTROPY CONSOLE; do
  claim "descriptor chains of every wrong shape, in the queues of the $device device"
  for kind in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
    evil 60s chains-$device-$kind guest_panic protocol_error
  done
done
claim "notifications of queues that are not there"
evil 60s notify-storm guest_panic protocol_error wall_timeout guest_hang
claim "vsock packets of every wrong kind"
evil 60s vsock-flood guest_panic protocol_error wall_timeout guest_hang

claim "a forged report with another boot's nonce is not success"
evil 60s forged-nonce protocol_error
stderr_says 'an exit report of another boot'
claim "a guest that makes up a nonce and reports success with it is not success"
evil 60s forged-hello protocol_error
stderr_says 'a hello of another boot'
claim "a report of success without its output streams is not success"
evil 60s exit-without-streams protocol_error
claim "a report cut before its end is not success"
evil 60s exit-not-finished protocol_error
claim "two exit reports are a protocol error"
evil 60s two-exits protocol_error
stderr_says 'out of order'
claim "a frame of 4 GiB is a protocol error and costs no memory"
evil 60s endless-frame protocol_error
active && at_most "$(meta max_resident_kib)" $((64 * 1024 + 32 * 1024)) "the VMM's peak in KiB, guest RAM included"
claim "a flood of unknown frames is a protocol error"
evil 60s tiny-frames protocol_error

claim "nothing of all these guests is left: no process, mount, cgroup or file"
nothing_left "$E2E_WORK/before-evil"

claim "an honest job beside a hostile one is not disturbed"
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
