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
needs root
active && [ "$(stat -c %a /dev/kvm)" = 666 ] && skip "everyone may use /dev/kvm here"
mkdir "$E2E_WORK/bin" && cp "$E2E_BIN"/swiftlet* "$E2E_WORK/bin/" && chmod 755 "$E2E_WORK/bin"
as_nobody env "HOME=$TMPDIR" "XDG_DATA_HOME=${XDG_DATA_HOME:-$HOME/.local/share}" "$E2E_WORK/bin/swiftlet" run -- true
rm -rf "$E2E_WORK/bin"
status_is 125
stderr_is_one_line
stderr_says /dev/kvm
stderr_matches 'permission denied'
stderr_matches 'group kvm|usermod'
