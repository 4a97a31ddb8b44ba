# What the tests of this folder add to Tests/e2e/lib.sh: the same program under bubblewrap on the host, over the same image.
#
#     claim "sort knows its options"
#     same_as_bubblewrap shell tools.sh -- bash tools.sh
#
# same_as_bubblewrap [OPTION...] IMAGE [FILE...] -- CMD...   runs CMD as a job and under bubblewrap; they must agree on standard
#                      output, standard error and exit status. Each FILE of Tests/programs/fixtures (or path with a slash) is
#                      brought into the job's folder /job, where CMD begins. Options:
#   --stdin FILE         instead of an empty standard input
#   --memory SIZE        the job's memory; bubblewrap has no such limit
#   --any-stderr         standard error may differ (it names a process, or a time)
# must_pass            the claim also fails when CMD failed in both places: two equal failures show nothing
# also_says TEXT       the same, unless standard output has TEXT
#
# Bubblewrap's answer is a function of image, command and files. It is kept in PROGRAMS_CACHE under the hash of them all, so only
# the first run on a machine pays for it; not if its status is 124, too late. An image's tree is unpacked there, too. PROGRAMS_TWICE=yes asks bubblewrap twice
# and fails the claim when it does not agree with itself: for who writes a test. PROGRAMS_ASK=yes asks it and runs no job.

programs=$E2E_BUBBLEWRAP_DIRECTORY
cache=${PROGRAMS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/swiftlet/bubblewrap}

image_digest() { grep -oE '[0-9a-f]{64}' "$E2E_STORE/images/$1" 2>/dev/null | head -n 1; }

# tree_of DIGEST: prints the folder with the image's content, unpacking it if it is not there. Trees nobody used for a week go.
tree_of() {
  tree=$cache/tree-$1
  if [ ! -d "$tree" ]; then
    mkdir -p "$cache"
    find "$cache" -maxdepth 1 -mtime +7 -exec rm -rf {} +
    fsck.erofs --extract="$tree.$$" "$E2E_STORE/blobs/sha256-$1.erofs" >/dev/null 2>&1 &&
      { mv -T "$tree.$$" "$tree" 2>/dev/null || [ -d "$tree" ]; } || { rm -rf "$tree.$$"; return 1; }
  fi
  touch "$tree"
  echo "$tree"
}

# bubblewrapped TREE FOLDER CMD...: CMD as close to a job as bubblewrap gets: the environment, the working directory /job (the
# host's FOLDER), the host name, a session of its own and a network of one loopback. The root is read-only where a job's is not,
# so the folders that programs write to are given to it.
bubblewrapped() {
  root=$1 folder=$2
  shift 2
  timeout -k 5 "${E2E_GUARD:-120}" bwrap --unshare-all --die-with-parent --new-session --hostname swiftlet --ro-bind "$root" / --dev /dev --proc /proc --bind "$folder" /job \
    --tmpfs /tmp --tmpfs /var/tmp --tmpfs /root --tmpfs /run --chdir /job --clearenv --setenv HOME /root \
    --setenv PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --setenv PWD /job -- "$@"
}

# answer_of_bubblewrap DIGEST INPUT CMD...: leaves `bubblewrap/stdout`, `stderr` and `status`; the files for /job lie in `job`.
answer_of_bubblewrap() {
  digest=$1 input=$2
  shift 2
  # How bubblewrap is called is part of the key.
  key=$({ echo "$digest" "$#"; printf '%s\n' "$@"; cat "$input"; sed -n '/^bubblewrapped()/,/^}/p' "$programs/bubblewrap.sh"; cd job && sha256sum -- *; } 2>/dev/null | sha256sum | cut -c1-64)
  if [ ! -d "$cache/$key" ] || [ -n "${PROGRAMS_TWICE:-}" ]; then
    root=$(tree_of "$digest") || return 1
    mkdir bubblewrap && cp -r job bubblewrap/job
    (umask 022; bubblewrapped "$root" "$PWD/bubblewrap/job" "$@") <"$input" >bubblewrap/stdout 2>bubblewrap/stderr
    echo $? >bubblewrap/status
    rm -rf bubblewrap/job
    if [ -d "$cache/$key" ]; then
      diff -r "$cache/$key" bubblewrap >unsteady || fail "bubblewrap does not agree with itself: $(head -c 400 unsteady)"
    elif [ "$(cat bubblewrap/status)" = 124 ]; then
      # A busy machine's answer, not bubblewrap's.
      fail "it took too long under bubblewrap"
      return 0
    else
      mkdir -p "$cache" && cp -r bubblewrap "$cache/$key.$$" && { mv -T "$cache/$key.$$" "$cache/$key" 2>/dev/null || rm -rf "$cache/$key.$$"; }
    fi
    rm -rf bubblewrap
  fi
  touch "$cache/$key" 2>/dev/null   # read-only in the lab
  cp -r "$cache/$key" bubblewrap
}

same_as_bubblewrap() {
  active || return 0
  input=/dev/null memory=256M compare_stderr=yes
  while :; do
    case $1 in
      --stdin) input=$2; shift 2 ;;
      --memory) memory=$2; shift 2 ;;
      --any-stderr) compare_stderr=; shift ;;
      *) break ;;
    esac
  done
  image=$1; shift
  digest=$(image_digest "$image")
  [ -n "$digest" ] || { skip "no image '$image' here"; return 0; }
  mkdir job
  while [ "$1" != -- ]; do
    case $1 in */*) cp -r "$1" job/ ;; *) cp -r "$programs/fixtures/$1" job/ ;; esac
    shift
  done
  shift
  answer_of_bubblewrap "$digest" "$input" "$@" || { fail "bubblewrap cannot be asked: is the image whole?"; return 0; }
  active || return 0
  [ -z "${PROGRAMS_ASK:-}" ] || { skip "bubblewrap was asked, no more"; return 0; }
  command_line=$*
  set -- -- "$@"
  for file in job/*; do [ ! -e "$file" ] || set -- --in "$file:/job/${file##*/}" "$@"; done
  [ "$input" = /dev/null ] || set -- -i "$@"
  run_from "$input" "$swiftlet" run --quiet --image "$image" --memory "$memory" --meta meta.json "$@"
  last_command="[$image] $command_line"
  agree stdout
  [ -z "$compare_stderr" ] || agree stderr
  [ "$status" = "$(cat bubblewrap/status)" ] || fail "status $status, $(cat bubblewrap/status) under bubblewrap$(unsupported)"
}

unsupported() { meta unsupported_syscalls | grep -q '[a-z]' && printf ' (unsupported: %s)' "$(tr -d '\n ' <meta.json | grep -oE '"unsupported_syscalls":[^}]*')"; }

# agree STREAM: the difference is shown line by line: < is bubblewrap's.
agree() {
  active || return 0
  cmp -s "bubblewrap/$1" "$1" && return 0
  diff "bubblewrap/$1" "$1" 2>&1 | head -n "${PROGRAMS_LINES:-20}" | cut -c1-200 >difference
  fail "$1 differs from bubblewrap's$(unsupported)
$(cat difference)"
}

must_pass() { active && [ "$status" != 0 ] && fail "it failed, under bubblewrap as well"; return 0; }
also_says() { active && { grep -qF -- "$1" stdout || fail "stdout does not say: $1"; }; return 0; }
