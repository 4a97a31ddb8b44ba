# swiftlet bench: what a job costs, beside what else there is on this host.

# The files of a bench go to a cache of this test's own.
XDG_CACHE_HOME=$E2E_WORK/cache
export XDG_CACHE_HOME
# figures CONTENDER: the part of the JSON about it in the first workload.
figures() { tr -d '\n' <stdout | sed 's/.*"contenders":\[//' | grep -oE "\"name\":\"$1\",\"failure\":(null|\"[^\"]*\"),\"whole\":(null|\{[^}]*\})" | head -n 1; }

claim "a bench has every contender's quantiles, its ledger and the machine, as JSON"
needs bwrap fsck.erofs
run "$swiftlet" bench -n 3 --workload true --json
status_is 0
for name in plain bubblewrap swiftlet; do
  active && case $(figures $name) in
    *'"failure":null,"whole":{"n":3,"min":'*'"p50":'*'"p90":'*'"p99":'*'"max":'*) ;;
    *) fail "no figures of $name" ;;
  esac
done
stdout_says '"kvm":'
stdout_says '"whole_ratio":1.000'
for phase in spawn jail vm_create kernel_boot exec run drain; do
  active && { grep -qE "\"$phase\":\{\"n\":3,\"min\":" stdout || fail "no phase $phase"; }
done
stdout_says '"system_calls":{"n":3,'
stderr_is_empty

claim "what is not run is named with the reason"
run env PATH=/nowhere "$swiftlet" bench -n 1 --workload true
status_is 0
for name in bubblewrap crun kvmtool qemu-microvm firecracker; do stdout_says "not run: $name: no "; done

claim "an alternative whose program fails has its words and no figures, and the others have theirs"
needs fsck.erofs
active && { mkdir tools; printf '#!/bin/sh\necho "bwrap: refused, for a test" >&2\nexit 3\n' >tools/bwrap; chmod +x tools/bwrap; }
run env PATH="$PWD/tools:$PATH" "$swiftlet" bench -n 3 --workload true --json
status_is 0
equal "$(active && figures bubblewrap)" '"name":"bubblewrap","failure":"round 1: status 3: bwrap: refused, for a test","whole":null' "bubblewrap"
active && case $(figures swiftlet) in *'"failure":null,"whole":{"n":3,'*) ;; *) fail "no figures of swiftlet" ;; esac

claim "an alternative that says the wrong thing has no figures either"
needs fsck.erofs
active && { mkdir tools; printf '#!/bin/sh\necho hello\n' >tools/bwrap; chmod +x tools/bwrap; }
run env PATH="$PWD/tools:$PATH" "$swiftlet" bench -n 3 --workload sh --contender bubblewrap --contender swiftlet
status_is 0
stdout_says 'bubblewrap failed: round 1: its output is wrong'

claim "a failure of swiftlet itself is status 1"
run env SWIFTLET_VMM=/bin/true "$swiftlet" bench -n 1 --workload true --contender swiftlet
status_is 1
stdout_says 'swiftlet failed: round 1: status 125'

claim "a picture of the phases"
run "$swiftlet" bench -n 3 --workload sh --contender swiftlet --svg phases.svg
status_is 0
active && { grep -q '<title>kernel_boot ' phases.svg && grep -q '^</svg>$' phases.svg || fail "no picture"; }

claim "machines that wait hold memory, and all do their job afterwards"
ours >"$E2E_WORK/before-idle"
run "$swiftlet" bench --idle 5 --json
status_is 0
stdout_says '"wanted":5,"ready":5,"finished":5,'
stdout_says '"vmm_pss_kib":{"n":5,'
stdout_says '"guest_pss_kib":{"n":5,'
nothing_left "$E2E_WORK/before-idle"

claim "a bench that is stopped leaves no file and no process"
ours >"$E2E_WORK/before-stop"
run timeout -s INT 2 "$swiftlet" bench -n 100000 --workload true --contender swiftlet
stderr_says stopped
nothing_left "$E2E_WORK/before-stop"
active && { [ -z "$(ls "$XDG_CACHE_HOME/swiftlet/bench" | grep work)" ] || fail "a work folder is left"; }

claim "bad options are refused by name"
run "$swiftlet" bench -n 0
status_is 2
run "$swiftlet" bench --workload dance
status_is 2
stderr_says 'there are true, sh, sort'
run "$swiftlet" bench --contender chroot
status_is 2
