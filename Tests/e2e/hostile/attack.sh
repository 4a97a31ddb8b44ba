# swiftlet doctor --attack: the kit of evil kernels as a user runs it on a host, and that it would say so if an attack succeeded.

claim "HOSTILE 25: doctor --attack runs the whole kit, every attack is held, and an honest job beside each comes out right"
slow lab   # kernels.sh runs the same kit there
ours >before
run "$swiftlet" doctor --attack
active && [ "$status" != 0 ] && fail "$(grep '^        ' stdout | sed 1d)"
stdout_says 'attacks held'
nothing_left before

claim "doctor --attack notices a VMM that fails, and ends with 1"
mkdir bin evil
cp "$E2E_BIN/swiftlet" "$E2E_BIN/swiftlet-kernel" "$E2E_BIN/swiftlet-vmm" bin
cp "$E2E_EVIL/panic" evil
cp "$E2E_EVIL/power-off" evil/unheard-of
run env SWIFTLET_VMM=/bin/false bin/swiftlet doctor --attack
status_is 1
stdout_says 'start_failed instead of'
stdout_says 'the honest job beside it'
stdout_says 'unheard-of: in the kit, and no attack of this version'
