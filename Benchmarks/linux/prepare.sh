#!/bin/sh
# prepare.sh: in the lab, begins a pool of one machine with /lab/kernel and returns when that machine's guest waits for its job: its
# VMM has used no processor time for a second. Says what memory the VMM has then.
/lab/bin/swiftlet pool --socket /tmp/pool --size 1 --kernel /lab/kernel >/tmp/pool-output 2>&1 </dev/null &
# used: the machine's processor time, in ticks; nothing as long as there is no machine.
used() {
  for id in $(pidof swiftlet-vmm); do cut -d ' ' -f 14,15 "/proc/$id/stat"; done 2>/dev/null
}
last= left=120
until [ -n "$last" ] && [ "$last" = "$(used)" ]; do
  left=$((left - 1))
  [ $left -gt 0 ] || { echo "prepare: no machine waits"; cat /tmp/pool-output; exit 1; }
  last=$(used)
  sleep 1
done
for id in $(pidof swiftlet-vmm); do
  echo "idle: VMM $id: $(sed -n 's/^\(VmRSS\|RssAnon\|RssFile\|RssShmem\):[[:space:]]*/\1 /p' "/proc/$id/status" | tr '\n' ' ')" \
    "$(sed -n 's/^Pss:[[:space:]]*/Pss /p' "/proc/$id/smaps_rollup")"
done
