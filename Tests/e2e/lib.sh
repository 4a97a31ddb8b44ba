# The end-to-end tests' vocabulary, for any POSIX sh (dash on the host, busybox in the lab). A test file reads:
#
#     claim "the job's exit status is swiftlet's"
#     run "$swiftlet" run -- sh -c 'exit 7'
#     status_is 7
#
# claim TEXT           begins a test; it lasts until the next claim. Each has an empty folder of its own, the current one
# run CMD...           runs CMD with empty stdin; leaves files `stdout`, `stderr` and the variable `status`
# run_from FILE CMD... the same, with stdin from FILE
# skip WHY             ends the test as skipped; needs THING... skips unless this place has each THING
# tiny_only WHY        skips where the jobs run on another guest kernel (E2E_KERNEL)
# many N               N; a tenth of it in every run's lab
# slow PLACE...        where it takes too long for every run: host, lab, linux (the lab, with --kernel linux); `make test-full` has it
# The rest assert something; the first assertion of a test that fails fails it, with what was run and what came out.
# Time limits are guards against a hang and never assertions.

swiftlet=$E2E_BIN/swiftlet
# Where open_place lays what a user without rights may read.
open=$E2E_WORK/open
[ -z "${E2E_KERNEL:-}" ] || swiftlet=$E2E_WORK/swiftlet   # which adds --kernel (run)
# A limit of time that a job which does nothing but start keeps, and for which a test can wait: Linux boots for seconds in the lab.
brief=1s brief_us=1000000
[ -z "${E2E_LAB:-}" ] || brief=5s brief_us=5000000
[ -z "${E2E_KERNEL:-}" ] || brief=20s brief_us=20000000
state= claim_text= last_command= number=0
trap 'finish_claim; [ -n "$completed" ] || { record "not ok" "the file ran to its end"; echo "    again:  ${E2E_RUNNER:-Tests/e2e/run} $E2E_ARGUMENT"; }' EXIT
completed=

# Hundredths of a second since the machine began; nothing but a shell is needed for it.
now() { read -r seconds _ </proc/uptime; hundredths=1${seconds#*.}; echo $((${seconds%.*} * 100 + hundredths - 100)); }

record() { # RESULT TEXT [DETAIL]
  took=
  [ "$1" != ok ] || { took=$(($(now) - ${began:-0})); took=" ($((took / 100)).$((took % 100 / 10)) s)"; }
  printf '%s - %s: %s%s\n' "$1" "$E2E_FILE" "$2" "$took${3:+ # $3}"
  printf '%s\n' "$1" >>"$E2E_WORK/results"
}

finish_claim() {
  [ -z "$state" ] || [ "$state" = done ] || record "$state" "$claim_text"
  state=
}

claim() {
  finish_claim
  number=$((number + 1))
  claim_text=$1 state=ok last_command= status= began=$(now)
  rm -rf "$E2E_WORK/here"; mkdir "$E2E_WORK/here"; cd "$E2E_WORK/here" || exit 1
  # E2E_ONLY: the claims to run, by what their text has in it. The others' commands may look for what a run leaves.
  case $claim_text in *"${E2E_ONLY:-}"*) ;; *) state=done; : >stdout; : >stderr; : >meta.json ;; esac
}

skip() {
  [ "$state" != ok ] || { record skip "$claim_text" "$1"; state=done; }
}

tiny_only() { [ -z "${E2E_KERNEL:-}" ] || skip "not for --kernel $E2E_KERNEL: $1"; }

# many N: how many of what is the same again: N; in the lab a tenth, where the slow claims are left out.
many() { if [ "${E2E_SLOW:-yes}" = no ] && [ "$place" != host ]; then echo $((($1 + 9) / 10)); else echo "$1"; fi; }

# Where the jobs are, for `slow` and `many`.
place=host
[ -z "${E2E_LAB:-}" ] || place=${E2E_KERNEL:-lab}

slow() { # PLACE...
  [ "${E2E_SLOW:-yes}" = no ] && [ -z "${E2E_ONLY:-}" ] || return 0
  case " $* " in *" $place "*) skip "it takes long here: left to make test-full" ;; esac
}

active() { [ "$state" = ok ]; }

# again: the command that repeats this claim alone.
again() { printf "E2E_ONLY='%s' %s %s" "$(printf %s "$claim_text" | sed "s/'/'\\\\''/g")" "${E2E_RUNNER:-Tests/e2e/run}" "$E2E_ARGUMENT"; }

fail() { # WHAT
  active || return 0
  state=done
  record "not ok" "$claim_text"
  {
    printf 'what:   %s\nran:    %s\nstatus: %s\n' "$1" "$last_command" "$status"
    for stream in stdout stderr meta.json; do
      [ ! -s $stream ] || { printf '%s (%s bytes):\n' $stream "$(size_of $stream)"; head -c 1500 $stream | tr -c '\n\t -~' '?'; printf '\n'; }
    done
    printf 'again:  %s\n' "$(again)"
  } | sed 's/^/    /'
}

run() { run_from /dev/null "$@"; }

run_from() {
  active || return 0
  input=$1; shift
  last_command=$*
  timeout -k 5 "$E2E_GUARD" "$@" <"$input" >stdout 2>stderr
  status=$?
}

size_of() { wc -c <"$1" | tr -d ' '; }

# --- assertions ---
status_is() { active && [ "$status" != "$1" ] && fail "status $status where $1 was expected"; return 0; }
status_is_not() { active && [ "$status" = "$1" ] && fail "status $1 was not expected"; return 0; }
stdout_is() { # LINE...: exactly these lines
  active || return 0
  [ $# = 0 ] && : >expected || printf '%s\n' "$@" >expected
  cmp -s stdout expected || fail "stdout is not: $*"
}
stdout_equals() { active && { cmp stdout "$1" >difference 2>&1 || fail "stdout differs from $1: $(cat difference)"; }; return 0; }
stdout_says() { active && { grep -qF -- "$1" stdout || fail "stdout does not say: $1"; }; return 0; }
stderr_says() { active && { grep -qiF -- "$1" stderr || fail "stderr does not say: $1"; }; return 0; }
stderr_matches() { active && { grep -qiE -- "$1" stderr || fail "stderr does not match: $1"; }; return 0; }
stderr_is_empty() { active && [ -s stderr ] && fail "stderr is not empty"; return 0; }
stderr_is_one_line() { active && [ "$(wc -l <stderr)" -ne 1 ] && fail "stderr is not one line"; return 0; }
same() { active && { cmp "$1" "$2" >difference 2>&1 || fail "$1 and $2 differ: $(cat difference)"; }; return 0; }
equal() { active && [ "$1" != "$2" ] && fail "$3: $1, expected $2"; return 0; }
absent() { active && { [ ! -e "$1" ] && [ ! -L "$1" ] || fail "$1 exists"; }; return 0; }
at_most() { # VALUE BOUND NAME
  active || return 0
  case $1 in '' | *[!0-9]*) fail "$3 is not a number: '$1'" ;; *) [ "$1" -le "$2" ] || fail "$3 is $1, more than $2" ;; esac
}

# next_is_fine: the job after a hostile one runs as if nothing had happened.
next_is_fine() {
  run "$swiftlet" run -- echo fine
  status_is 0
  stdout_is fine
}

# --- the result file: tests pass `--meta meta.json` and ask it by key; keys are unique enough to need no path ---
meta() { tr -d '\n' 2>/dev/null <meta.json | grep -oE "\"$1\" *: *(\"[^\"]*\"|[^],}]*)" | head -n 1 | sed 's/^"[^"]*" *: *//; s/^"//; s/"$//'; }
reason_is() { active && [ "$(meta reason)" != "$1" ] && fail "reason '$(meta reason)' where '$1' was expected"; return 0; }

# store_of_its_own NAME: sets store to one with the images and kernels that are there, for templates of the test's own.
store_of_its_own() {
  store=$E2E_WORK/$1
  mkdir -p "$store"
  for part in images blobs kernels kernel-files; do ln -sfn "$E2E_STORE/$part" "$store/$part"; done
}

# --- what a place has ---
needs() {
  for thing in "$@"; do
    case $thing in
      python) [ -z "${E2E_NO_PYTHON:-}" ] || skip "no python image here" ;;
      root) [ "$(id -u)" = 0 ] || skip "needs root" ;;
      # Where `swiftlet run --disk` may keep its file: not in memory.
      disk) [ "${E2E_DISK:-yes}" = yes ] || { skip "disks are left to make lab-full"; return; }; on_disk "$TMPDIR" || on_disk /var/tmp || skip "no disk here" ;;
      *) command -v "$thing" >/dev/null || skip "no $thing here" ;;
    esac
  done
}

on_disk() { case $(stat -f -c %T "$1" 2>/dev/null) in '' | tmpfs | ramfs | UNKNOWN) return 1 ;; esac; }

# open_place MODE: sets open to a folder with copies of what a user without rights could not reach otherwise: the programs, the base
# image as a store, and a /dev/kvm of that mode, to lay over the host's (which anybody may use on one machine and root alone on
# another). close_place removes it.
open_place() {
  needs root unshare
  active || return 0
  rm -rf "$open"; mkdir -p "$open/bin" "$open/images" "$open/blobs"
  cp "$E2E_BIN"/swiftlet "$E2E_BIN"/swiftlet-vmm "$E2E_BIN"/swiftlet-kernel "$open/bin/"
  cp "$E2E_STORE/images/base" "$open/images/"
  cp "$E2E_STORE/blobs/sha256-$(grep -oE '[0-9a-f]{64}' "$E2E_STORE/images/base" | head -n 1).erofs" "$open/blobs/"
  chmod -R a+rX "$open"
  mknod "$open/kvm" c 10 232 && chmod "$1" "$open/kvm" || fail "no device node can be made in $open"
}
close_place() { rm -rf "$open"; }

# with_its_kvm CMD...: CMD, in a mount namespace of its own where /dev/kvm is that of open_place.
with_its_kvm() {
  # shellcheck disable=SC2016
  run unshare -m sh -c 'mount --bind "$0" /dev/kvm && exec "$@"' "$open/kvm" "$@"
}

# as_nobody CMD...: CMD as a user without rights, there. util-linux has setpriv --reuid, busybox has su.
as_nobody() {
  active || return 0
  if setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null; then
    with_its_kvm setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
  else
    printf '"%s" ' "$@" >command   # our arguments here hold no quotes
    with_its_kvm su nobody -s /bin/sh -c "$(cat command)"
  fi
}

# vmms PID: the swiftlet-vmm processes below process PID.
vmms() {
  for directory in /proc/[0-9]*; do
    read -r name <"$directory/comm" || continue
    [ "$name" = swiftlet-vmm ] || continue
    ancestor=${directory#/proc/}
    while [ "${ancestor:-0}" -gt 1 ]; do
      [ "$ancestor" != "$1" ] || { echo "${directory#/proc/}"; break; }
      ancestor=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$ancestor/status")
    done
  done 2>/dev/null
}

# ours: the processes, mounts, cgroups and temporary files that can belong to a job of ours, as text to compare.
# A process counts when it runs a file of our build folder, so that another swiftlet on this machine does not matter, nor what goes
# on beside the claims (Tests/tiers/apart).
ours() {
  for directory in /proc/[0-9]*; do
    case $(readlink "$directory/exe" 2>/dev/null) in "$E2E_BIN"/*) ;; *) continue ;; esac
    echo "process ${directory#/proc/} $(cat "$directory/comm")"
  done 2>/dev/null
  sed 's/^/mount /' /proc/self/mounts
  # One with a process in it is in use, by that process or somebody else's.
  find /sys/fs/cgroup -type d -name '*swiftlet*' 2>/dev/null | while read -r directory; do
    read -r _ <"$directory/cgroup.procs" || echo "cgroup $directory"
  done 2>/dev/null
  # Directly in the shared folders only: deeper there may be anybody's build of this very project.
  for directory in /tmp /var/tmp /dev/shm /run; do find "$directory" -maxdepth 1 -name '*swiftlet*' 2>/dev/null; done |
    sed 's/^/file /'
  find "$TMPDIR" "$XDG_RUNTIME_DIR" -mindepth 1 2>/dev/null | sed 's/^/file /'
}

# nothing_left BEFORE: `ours` says nothing that it did not say before. The launcher answers before the VM is torn down, so this
# gives teardown a little time.
nothing_left() {
  active || return 0
  tries=0
  while ours >after; diff "$1" after | grep '^>' >leftovers; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { fail "left behind: $(head -n 5 leftovers | tr '\n' ';')"; return 0; }
    sleep 0.1
  done
}
