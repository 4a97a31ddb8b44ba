# What a running VMM looks like from the host, and what a job can do to what the launcher makes there.

# start_machine OPTIONS...: a VM that spins; $machine is its VMM's process and $launcher the `swiftlet run` above it.
machine= launcher=
start_machine() {
  active || return 0
  "$swiftlet" run --kernel "$E2E_EVIL/spin" -m 64M --timeout 60s "$@" -- true >/dev/null 2>&1 &
  launcher=$!
  tries=0
  # Running means past its jail, which is closed when its guest has had processor time. Its own says nothing: on a KVM
  # inside a KVM the VM alone, made before that, may cost as much as one likes.
  while machine=$(vmms $launcher); [ -z "$machine" ] || [ "$(awk '{print $43}' "/proc/$machine/stat")" = 0 ]; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { fail "no VMM runs"; return 0; }
    sleep 0.1
  done
}
stop_machine() { [ -z "$launcher" ] || { kill $launcher 2>/dev/null; wait $launcher; launcher=; } }
field() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$2/status"; }

claim "HOSTILE 20: a running VMM has an empty root, no environment, no capability, no new privileges and a filter"
needs root
start_machine
if active; then
  equal "$(ls -A "/proc/$machine/root/" | wc -l)" 0 "entries in its root directory"
  equal "$(wc -l <"/proc/$machine/mountinfo")" 1 "mounts it sees"
  equal "$(wc -c <"/proc/$machine/environ")" 0 "bytes of its environment"
  equal "$(field CapEff "$machine")" 0000000000000000 "its capabilities"
  equal "$(field NoNewPrivs "$machine")" 1 "no_new_privs"
  equal "$(field Seccomp "$machine")" 2 "its seccomp mode"
fi
stop_machine

claim "HOSTILE 21: there is no signal handler, in the VMM nor in the launcher, so none can wait for a lock"
needs root
start_machine
if active; then
  # Signal 33 is the C library's own, for setuid(2) in threads, and takes no lock of ours.
  equal "$((0x$(field SigCgt "$machine") & 0x7FFFFFFF))" 0 "the VMM's caught signals, of 1 to 31"
  equal "$((0x$(field SigCgt $launcher) & 0x7FFFFFFF))" 0 "the launcher's caught signals, of 1 to 31"
fi
stop_machine

for transport in pmem block; do
  claim "HOSTILE 24: the descriptor of a root image in the VMM is open for reading only ($transport)"
  needs root
  start_machine --root-transport $transport
  if active; then
    images=0
    for descriptor in "/proc/$machine/fd"/*; do
      case $(readlink "$descriptor") in
        *.erofs*)
          images=$((images + 1))
          flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$machine/fdinfo/${descriptor##*/}")
          equal "$((0$flags & 3))" 0 "the access mode of its image"
          ;;
      esac
    done
    # Mapped and closed, or open and read.
    [ $images != 0 ] || grep -q '\.erofs' "/proc/$machine/maps" || fail "the VMM has no image"
    grep '\.erofs' "/proc/$machine/maps" | grep -qv ' r--[ps] ' && fail "its image is mapped writable"
  fi
  stop_machine
done

claim "HOSTILE 23: no PIT: none answers at its ports, and no thread of the host's kernel works beside the VMM"
run "$swiftlet" run --kernel "$E2E_EVIL/pit" -m 64M --timeout 60s --meta meta.json -- true
status_is 125
reason_is protocol_error
needs root
start_machine
active && cat /proc/[0-9]*/comm 2>/dev/null | grep -qx "kvm-pit/$machine" && fail "the host's kernel has a kvm-pit thread for it"
stop_machine

claim "HOSTILE 25: each job has a VM and a user id of its own, never the one before's"
needs root
users=
for turn in 1 2 3; do
  start_machine
  active && users="$users $(field Uid "$machine" | cut -f 1)"
  stop_machine
done
active && equal "$(printf '%s\n' $users | sort -u | wc -l)" 3 "different users of three VMMs ($users)"

claim "HOSTILE 20, 33: the result file is its owner's, is replaced as a whole, and a link to it is followed as a shell's > follows it"
echo precious >precious
ln -s precious result.json
ln precious other
active && { (umask 077; exec "$swiftlet" run --meta result.json -- true) </dev/null || fail "the job failed"; }
active && equal "$(cat other)" precious "the file that it was"
active && { [ -L result.json ] || fail "the link is gone"; }
active && equal "$(stat -c %a precious)" 600 "its mode"
active && { grep -q '"reason":"exited"' precious || fail "no result in it"; }

claim "HOSTILE 19: a device, a pipe or another special file is no output, and none is made on the host"
for kind in 'mkfifo /job/r' 'mknod /job/r c 1 5' 'ln -s /dev/zero /job/r' 'mkdir /job/r'; do
  run "$swiftlet" run --timeout 60s --out /job/r:r -- sh -c "$kind"
  status_is_not 0
  stderr_says /job/r
  absent r
done

claim "HOSTILE 19: a hard link in the guest comes out as a file of its own"
run "$swiftlet" run --out /job/a:a --out /job/b:b -- sh -c 'echo x >/job/a; ln /job/a /job/b; chmod 6755 /job/b'
status_is 0
active && equal "$(stat -c '%h %a' a) $(stat -c '%h %a' b)" '1 755 1 755' "links and modes"

claim "HOSTILE 19: a sparse terabyte as output ends the job and fills no disk of the host's"
run "$swiftlet" run --timeout 60s --meta meta.json --out /job/r:r -- truncate -s 1024G /job/r
status_is 153
reason_is output_limit
stderr_says /job/r
absent r

claim "HOSTILE 19: an output with a newline in its name comes back under it, and a message shows it on one line"
name=$(printf 'a\nb')
run "$swiftlet" run --out "/job/$name:$name" -- sh -c 'printf x >"$(printf "/job/a\nb")"'
status_is 0
equal "$(cat "$name" 2>/dev/null)" x "its content"
run "$swiftlet" run --out "/job/none$name:none" -- true
status_is 125
stderr_is_one_line
