# Many jobs: each correct, and afterwards no process, mount, cgroup or temporary file more than before.

jobs=$(many 200)
claim "HOSTILE 25: many jobs one after another are all correct and leave nothing"
ours >before
i=0; wrong=0
while active && [ $i -lt "$jobs" ]; do
  expected_status=$((i % 3))
  answer=$(timeout -k 5 "$E2E_GUARD" "$swiftlet" run -- sh -c "echo job $i; exit $expected_status" </dev/null 2>>stderr)
  [ $? = $expected_status ] && [ "$answer" = "job $i" ] || { wrong=$((wrong + 1)); echo "job $i: '$answer'" >>stderr; }
  i=$((i + 1))
done
equal $wrong 0 "wrong answers"
nothing_left before

claim "16 jobs at once are all correct and leave nothing"
# A Linux has to come up within 60 s, and the lab has one processor.
count=16
[ -z "${E2E_KERNEL:-}" ] || count=4
ours >before
pids=
i=0
while active && [ $i -lt $count ]; do
  head -c $((10000 * (i + 1))) /dev/urandom >"in$i"
  timeout -k 5 "$E2E_GUARD" "$swiftlet" run -i -m 64M --meta "meta$i.json" -- \
    sh -c "cat; echo error $i >&2; exit $i" <"in$i" >"out$i" 2>"err$i" &
  pids="$pids $!"
  i=$((i + 1))
done
i=0
for pid in $pids; do
  wait "$pid"
  equal $? $i "status of job $i"
  same "in$i" "out$i"
  equal "$(cat "err$i")" "error $i" "stderr of job $i"
  i=$((i + 1))
done
active && equal "$(cat meta*.json | grep -oE '"id" *: *"[^"]*"' | sort -u | wc -l | tr -d ' ')" $count "different job ids"
nothing_left before

claim "HOSTILE 25: failing jobs leave nothing either: panic, time-out, unknown command, output cut"
ours >before
for arguments in "--kernel $E2E_EVIL/panic -- true" "--timeout 1s -- sleep 60" "-- no-such-command" "--max-output 4K -- yes"; do
  # shellcheck disable=SC2086
  run "$swiftlet" run $arguments
  status_is_not 0
done
nothing_left before

claim "HOSTILE 20: a descriptor that the caller left open is not in the VMM"
echo secret >secret
cat >look.sh <<'SCRIPT'
. "$E2E_DIRECTORY/lib.sh"; trap - EXIT
while ! grep -q ready stdout; do kill -0 "$1" || exit 0; sleep 0.1; done
for pid in $(vmms "$1"); do ls -l "/proc/$pid/fd"; done >descriptors 2>&1
kill -TERM "$1"
SCRIPT
run sh -c 'sh -u look.sh $$ & exec "$1" run --timeout 60s -- sh -c "echo ready; sleep 1000" 7<secret' sh "$swiftlet"
active && { [ -s descriptors ] || fail "found no VMM to look at"; }
active && grep -q secret descriptors && fail "the VMM holds: $(grep secret descriptors)"
