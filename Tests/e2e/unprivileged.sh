# A user without any privilege but the group of /dev/kvm: everything works, from user namespaces of his own.

# He has no line in /etc/passwd, as in many a container.
prepare() {
  needs root unshare
  setpriv --reuid 54321 --regid 54321 --groups 54322 true 2>/dev/null || skip "no setpriv that changes users here"
  open_place 660
  active && { mkdir "$open/home" && chown 54321:54321 "$open/home" && chown 0:54322 "$open/kvm"; }
}

# as_member CMD...: CMD as user 54321, whose only other group is 54322.
as_member() {
  active || return 0
  # shellcheck disable=SC2016
  with_its_kvm sh -c 'cd "$1" && shift && exec setpriv --reuid 54321 --regid 54321 --groups 54322 --no-new-privs env "$@"' \
    sh "$open/home" HOME="$open/home" SWIFTLET_HOME="$open" TMPDIR="$open/home" "$@"
}

claim "a user in the group of /dev/kvm, and in no other, runs a job"
prepare
as_member "$open/bin/swiftlet" run -- sh -c 'echo "user $(id -u) of a machine of its own"; exit 7'
status_is 7
stdout_is 'user 0 of a machine of its own'
stderr_is_empty
close_place

claim "he gets files in and out, a scratch disk, limits and their verdicts like anybody"
prepare
active && echo precious >"$open/home/in" && chown 54321 "$open/home/in"
as_member "$open/bin/swiftlet" run --in in:/job/in --out /job/out:out -- sh -c 'tr a-z A-Z </job/in >/job/out'
status_is 0
active && equal "$(cat "$open/home/out")" PRECIOUS "the output file"
active && equal "$(stat -c %u "$open/home/out")" 54321 "its owner"
as_member "$open/bin/swiftlet" run --timeout 500ms --meta meta.json -- sleep 100
status_is 124
active && cp "$open/home/meta.json" .
reason_is wall_timeout
close_place

claim "he has a pool of his own"
needs pgrep
prepare
# Two machines are kept ready; when the second has begun the first can be had.
as_member sh -c '
  "$0" pool -q --socket s & pool=$!
  until [ -S s ] && [ "$(pgrep -P $pool -x swiftlet-vmm | wc -l)" -ge 2 ]; do
    kill -0 $pool || exit 1; sleep 0.1 2>/dev/null || sleep 1
  done
  "$0" run --pool=s --meta meta.json -- sh -c "echo his; exit 7"
  status=$?
  kill $pool; wait $pool && exit $status' "$open/bin/swiftlet"
status_is 7
stdout_is his
active && cp "$open/home/meta.json" .
equal "$(meta prepared)" "$(active && echo true)" "whether its machine was a prepared one"
close_place

claim "his VMM has no capability, no new privileges, filters, an empty root, and is nobody but him outside"
needs pgrep
prepare
if active; then
  cp "$E2E_EVIL/spin" "$open/" && chmod a+r "$open/spin"
  as_member sh -c '
    "$0" run --kernel "$1" -m 64M --timeout 60s -- true >/dev/null 2>&1 & launcher=$!
    tries=0
    while machine=$(pgrep -P $launcher -x swiftlet-vmm); ! grep -q "^Seccomp_filters:.*2" /proc/$machine/status 2>/dev/null; do
      tries=$((tries + 1)); [ $tries -lt 200 ] || break; sleep 0.1
    done
    sed -n "s/^\(Uid\|Gid\|CapEff\|CapPrm\|NoNewPrivs\|Seccomp\):/\1/p" /proc/$machine/status
    kill $launcher; wait $launcher' "$open/bin/swiftlet" "$open/spin"
  sed 's/[[:space:]]\{1,\}/ /g' stdout >fields
  equal "$(tr '\n' ';' <fields)" "$(printf '%s;' 'Uid 54321 54321 54321 54321' \
    "Gid $(sed -n 's/^Gid \([0-9]*\) .*/\1 \1 \1 \1/p' fields)" 'CapPrm 0000000000000000' 'CapEff 0000000000000000' \
    'NoNewPrivs 1' 'Seccomp 2')" "what /proc/PID/status says"
fi
close_place

claim "nothing of his jobs is left"
needs disk
prepare
ours >before
as_member "$open/bin/swiftlet" run --disk 16M -- sh -c 'echo x >/tmp/x'
status_is 0
active && equal "$(ls -A "$open/home" | wc -l)" 0 "files in his home and TMPDIR"
nothing_left before
close_place
