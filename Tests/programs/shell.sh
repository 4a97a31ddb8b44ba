# Shells: process substitution, traps, job control, here-documents and the language around them.
. "$E2E_BUBBLEWRAP_DIRECTORY/bubblewrap.sh"

# Standard error holds the shells' own reports of killed children, which name processes.
claim "bash runs 300 lines of process substitution, traps, job control and here-documents"
# Not as process 1: there bash itself, on Linux too (bwrap --as-pid-1, 3 of 100 with six at once), now and then waits for ever.
same_as_bubblewrap --any-stderr shell bash-features.sh -- bash -c 'set -m; bash bash-features.sh; exit $?'
must_pass
also_says 'last words'

for shell in dash bash 'busybox sh'; do
  claim "$shell runs 100 lines of what POSIX asks of a shell"
  # shellcheck disable=SC2086  # `busybox sh` is two words
  same_as_bubblewrap --any-stderr shell posix-features.sh -- $shell posix-features.sh
  must_pass
  also_says 'substituted up to 99'
done
