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
# The user gets copies of what he could not reach otherwise: the programs, and the base image.
mkdir -p "$E2E_WORK/open/bin" "$E2E_WORK/open/images" "$E2E_WORK/open/blobs"
cp "$E2E_BIN"/swiftlet* "$E2E_WORK/open/bin/"
cp "$E2E_STORE/images/base" "$E2E_WORK/open/images/"
cp "$E2E_STORE/blobs/sha256-$(grep -oE '[0-9a-f]{64}' "$E2E_STORE/images/base" | head -n 1).erofs" "$E2E_WORK/open/blobs/"
chmod -R a+rX "$E2E_WORK/open"
as_nobody env "SWIFTLET_HOME=$E2E_WORK/open" "$E2E_WORK/open/bin/swiftlet" run -- true
rm -rf "$E2E_WORK/open"
status_is 125
stderr_is_one_line
stderr_says /dev/kvm
stderr_matches 'permission denied'
stderr_matches 'group kvm|usermod'
