# Hosts that cannot run a VM: status 125 and one line that says what to do.

claim "without /dev/kvm: 125 and one line that says what to do"
needs unshare root
run unshare -m sh -c '
  mkdir "$TMPDIR/dev" && touch "$TMPDIR/dev/null" && mount --bind /dev/null "$TMPDIR/dev/null" && mount --bind "$TMPDIR/dev" /dev &&
  mount --bind "$TMPDIR/dev/null" /dev/null && exec "$1" run -- true' sh "$swiftlet"
rm -rf "$TMPDIR/dev"
status_is 125
stderr_is_one_line
stderr_says /dev/kvm
stderr_matches 'no such|not exist|missing'
stderr_matches 'modprobe|enable|load|bios|virtuali[sz]ation|lab'

claim "without permission for /dev/kvm: 125 and one line that says what to do"
open_place 660
as_nobody env "SWIFTLET_HOME=$open" "$open/bin/swiftlet" run -- true
close_place
status_is 125
stderr_is_one_line
stderr_says /dev/kvm
stderr_matches 'permission denied'
stderr_matches 'group kvm|usermod'
