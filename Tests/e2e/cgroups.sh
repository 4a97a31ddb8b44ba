# A VMM's cgroup: it is there while the job runs, it limits, it is gone afterwards whatever happened, and nobody needs one.

# memory_group: this process's cgroup in the hierarchy of the memory controller, as version and path; nothing if there is none.
memory_group() {
  path=$(sed -n 's/^[0-9]*:\([^:]*,\)*memory\(,[^:]*\)*://p' /proc/self/cgroup)
  if [ -n "$path" ]; then echo "v1 $path"; return; fi
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] || echo "v2 $(sed -n 's/^0:://p' /proc/self/cgroup)"
}
set -- $(memory_group)
version=${1:-} own=${2:-}
mount=/sys/fs/cgroup
[ "$version" != v1 ] || mount=/sys/fs/cgroup/memory
case $version in v1) limit_file=memory.limit_in_bytes ;; *) limit_file=memory.max ;; esac
# In a group with processes of its own, version 2 lets nobody limit a child.
parent=${own%/}/e2e-$$
made=
if [ -n "$version" ] && mkdir "$mount$parent" 2>/dev/null; then
  made=yes
  for group in "$own" "$parent"; do
    [ "$version" = v1 ] || echo '+memory +pids' 2>/dev/null >"$mount$group/cgroup.subtree_control" || made=
  done
fi
children() { find "$mount$parent" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | wc -l | tr -d ' '; }
needs_group() { [ -n "$made" ] || skip "no cgroup can be made here"; }
# Teardown follows the answer: a little time for it.
no_children() {
  active || return 0
  tries=0
  while [ "$(children)" != 0 ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { fail "a cgroup is left"; return 0; }
    sleep 0.1
  done
}
vmm_of() { # PID: sets vmm, waiting until it has begun
  tries=0 vmm=
  while [ -z "$vmm" ] && [ $tries -lt 100 ]; do
    sleep 0.1; tries=$((tries + 1))
    vmm=$(vmms "$1")
  done
}

claim "a VMM is in a cgroup of its own, whose limit is a little above its guest's memory, and which goes with it"
needs_group
if active; then
  "$swiftlet" run --cgroup-parent "$parent" -m 128M --meta meta.json -- sleep 2 >stdout 2>stderr &
  launcher=$!
  vmm_of $launcher
  group=$(sed -n "s,^.*:\($parent/swiftlet-.*\),\1,p" "/proc/$vmm/cgroup" | head -n 1)
  [ -n "$group" ] || fail "the VMM is in no cgroup below $parent: $(tr '\n' ' ' <"/proc/$vmm/cgroup")"
  limit=$(cat "$mount$group/$limit_file")
  at_most "$limit" $((200 << 20)) "the limit"
  [ "$limit" -gt $((128 << 20)) ] || fail "a limit of $limit"
  wait $launcher
  equal "$(grep -oE '"host_memory":\{[^}]*\}' meta.json)" "\"host_memory\":{\"value\":$limit,\"enforced_by\":\"cgroup_$version\"}" "the result"
fi
no_children

claim "a cgroup goes even if its launcher is killed"
needs_group
if active; then
  "$swiftlet" run --cgroup-parent "$parent" -- sleep 100 >stdout 2>stderr &
  launcher=$!
  vmm_of $launcher
  equal "$(children)" 1 "cgroups while it runs"
  kill -KILL $launcher
  wait $launcher
fi
no_children

claim "what a killed launcher left is removed by the next one, what a living one uses is not"
needs_group
needs flock
if active; then
  mkdir "$mount$parent/swiftlet-dead" "$mount$parent/swiftlet-living" "$mount$parent/other"
  sh -c 'exec 9<"$1"; flock 9; exec sleep 100' sh "$mount$parent/swiftlet-living" &
  holder=$!
  sleep 0.3
  run "$swiftlet" run --cgroup-parent "$parent" -- true
  status_is 0
  absent "$mount$parent/swiftlet-dead"
  [ -d "$mount$parent/swiftlet-living" ] || fail "the locked one was removed"
  [ -d "$mount$parent/other" ] || fail "somebody else's was removed"
  kill $holder
  wait $holder 2>/dev/null
  run "$swiftlet" run --cgroup-parent "$parent" -- true
  absent "$mount$parent/swiftlet-living"
  rmdir "$mount$parent/other"
fi
no_children

claim "the jobs of a batch have cgroups, and none is left"
needs_group
if active; then
  for i in 1 2 3 4 5 6; do echo '{"command":["true"]}'; done >jobs
  run "$swiftlet" batch -q --cgroup-parent "$parent" jobs
  status_is 0
  equal "$(grep -c "\"enforced_by\":\"cgroup_$version\"" stdout)" 6 "results with a cgroup"
fi
no_children

claim "a VMM that the host's out-of-memory killer ends is a vmm_error with the host's evidence, not the job's failure"
needs_group
if active; then
  echo $((64 << 20)) >"$mount$parent/$limit_file"
  run "$swiftlet" run --cgroup-parent "$parent" -m 256M --timeout 100s --meta meta.json -- \
    sh -c 'head -c 200000000 /dev/zero >/tmp/all'
  status_is 125
  reason_is vmm_error
  stderr_says 'out-of-memory killer'
  equal "$(tr -d '\n' <meta.json | grep -oE '"evidence":\{"limit":"[^"]*"' | cut -d'"' -f6)" host_memory "the evidence"
  # The parent is gone and made anew: version 1 keeps no peak, but a limit that stays would hit the next claim.
  echo -1 >"$mount$parent/$limit_file" 2>/dev/null || echo max >"$mount$parent/$limit_file"
fi
no_children

claim "where nothing is said, a job's VMM gets the cgroup that doctor says it can get"
run "$swiftlet" doctor
if active; then
  can=$(sed -n 's/^ok *cgroups *\(cgroup_v[12]\):.*/\1/p' stdout)
  run "$swiftlet" run --meta meta.json -- true
  equal "$(grep -oE '"host_memory":\{[^}]*\}' meta.json | sed 's/.*"enforced_by":"//; s/".*//')" "${can:-rlimit}" "the enforcer"
fi

claim "without a cgroup the VMM's address space is limited all the same, and the result says so"
run "$swiftlet" run --cgroup-parent none --meta meta.json -- true
status_is 0
active && equal "$(grep -oE '"host_memory":\{[^}]*\}' meta.json)" '"host_memory":{"value":null,"enforced_by":"rlimit"}' "the result"

claim "a VMM's address space, threads and descriptors are limited, with a cgroup or without"
needs root
if active; then
  "$swiftlet" run --cgroup-parent none -m 128M -- sleep 100 >stdout 2>stderr &
  launcher=$!
  vmm_of $launcher
  # It limits itself when it has begun.
  tries=0 limit=
  while [ -z "$limit" ] && [ $tries -lt 100 ]; do
    limit=$(sed -n 's/^Max address space *\([0-9][0-9]*\) .*/\1/p' "/proc/$vmm/limits")
    sleep 0.1; tries=$((tries + 1))
  done
  # The mapped image is part of it.
  image=$(stat -L -c %s "$E2E_STORE"/blobs/*.erofs | sort -n | tail -n 1)
  at_most "$limit" $(((128 << 20) + (80 << 20) + image)) "the address space"
  at_most "$(sed -n 's/^Max processes *\([0-9]*\) .*/\1/p' "/proc/$vmm/limits")" 8 "the number of threads"
  at_most "$(sed -n 's/^Max open files *\([0-9]*\) .*/\1/p' "/proc/$vmm/limits")" 512 "the number of descriptors"
  kill -KILL $launcher
  wait $launcher
fi

claim "a parent that is not there is refused, and no job runs"
run "$swiftlet" run --cgroup-parent /nowhere/at/all -- echo ran
status_is 125
stdout_is
stderr_is_one_line
stderr_says --cgroup-parent
run "$swiftlet" run --cgroup-parent ../x -- echo ran
status_is 2
stderr_says --cgroup-parent

finish_claim
[ -z "$made" ] || rmdir "$mount$parent"
