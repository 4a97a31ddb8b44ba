# Real programs on real input; each answer is the host's own for the same input.

claim "the words of the GPL, counted by a pipeline of six programs, as busybox counts them on the host"
run_from "$E2E_FIXTURES/gpl3.txt" "$swiftlet" run -i -- sh -c "tr -cs A-Za-z '\n' | sort | uniq -c | sort -rn | head -20"
status_is 0
stdout_equals "$E2E_FIXTURES/gpl3.words"

claim "gzip compresses as on the host, byte for byte"
run_from "$E2E_FIXTURES/gpl3.txt" "$swiftlet" run -i -- sh -c 'gzip -9 -n -c | sha256sum'
status_is 0
stdout_equals "$E2E_FIXTURES/gpl3.gzip.sha256"

claim "tar packs a tree and unpacks it elsewhere with contents, modes and links"
run "$swiftlet" run -- sh -c '
  mkdir -p /tmp/a/deep/er && cd /tmp/a && echo one >one && echo two >deep/er/two && chmod 640 one && ln -s one link &&
  tar czf /tmp/a.tgz . && mkdir /tmp/b && cd /tmp/b && tar xzf /tmp/a.tgz &&
  cat one deep/er/two && readlink link && stat -c %a one && diff -r /tmp/a /tmp/b && echo same'
status_is 0
stdout_is one two one 640 same

claim "find walks what was made"
run "$swiftlet" run -- sh -c 'mkdir -p /tmp/t/x/y && touch /tmp/t/1.c /tmp/t/x/2.c /tmp/t/x/y/3.h && find /tmp/t -name "*.c" -type f | sort'
status_is 0
stdout_is /tmp/t/1.c /tmp/t/x/2.c

claim "awk adds a million numbers"
run "$swiftlet" run -- sh -c 'seq 1000000 | awk "{ s += \$1 } END { printf \"%.0f\\n\", s }"'
status_is 0
stdout_is 500000500000

claim "the shell: here-documents, substitution, subshells, trap, wait, redirection"
cat >script <<'SCRIPT'
set -e
trap 'echo trapped' EXIT
x=$(cat <<END
here $((6 * 7))
END
)
echo "$x"
(cd /tmp; pwd)
false || echo or
{ echo a; echo b >&2; } 2>&1 | sort -r
(exit 4) & wait $! || echo "child $?"
echo first >f; echo second >>f; wc -l <f
trap 'echo usr1' USR1
kill -USR1 $$
SCRIPT
run_from script "$swiftlet" run -i -w /tmp -- sh
status_is 0
stdout_is 'here 42' /tmp or b a 'child 4' 2 usr1 trapped

claim "a thousand files are written, read back and removed"
run "$swiftlet" run -- sh -c '
  mkdir /tmp/m && cd /tmp/m && i=0; while [ $i -lt 1000 ]; do head -c 4096 /dev/zero | tr "\000" x >f$i; i=$((i+1)); done
  cat f* | wc -c; cat f* | sha256sum | cut -c1-16; rm f*; ls | wc -l'
status_is 0
stdout_is 4096000 "$(head -c 4096000 /dev/zero | tr '\000' x | sha256sum | cut -c1-16)" 0

claim "500 processes one after another"
run "$swiftlet" run -- sh -c 'i=0; while [ $i -lt 500 ]; do /bin/true || exit 1; i=$((i+1)); done; echo $i'
status_is 0
stdout_is 500

claim "64 MiB of memory are touched and given back, three times"
# Half of a Linux's memory is /dev/shm's, at most.
memory=128M
[ -z "${E2E_KERNEL:-}" ] || memory=256M
run "$swiftlet" run -m $memory -- sh -c 'for i in 1 2 3; do head -c 67108864 /dev/zero >/dev/shm/x 2>/dev/null || head -c 67108864 /dev/zero >/tmp/x; rm -f /dev/shm/x /tmp/x; done; echo ok'
status_is 0
stdout_is ok

claim "/proc, /dev and random numbers are there"
run "$swiftlet" run -- sh -c 'head -c 16 /dev/urandom | wc -c; head -c 3 /dev/zero | od -An -tx1 | tr -d " "; echo x >/dev/null; readlink /proc/self/exe >/dev/null && echo exe; cat /proc/self/stat | cut -c1-1 | grep -c .; uname -s'
status_is 0
stdout_is 16 000000 exe 1 Linux

claim "two boots draw different random numbers"
run "$swiftlet" run -- sh -c 'head -c 16 /dev/urandom | od -An -tx1'
cp stdout first 2>/dev/null
run "$swiftlet" run -- sh -c 'head -c 16 /dev/urandom | od -An -tx1'
active && cmp -s first stdout && fail "the same numbers twice: $(cat first)"

claim "the clock is right to the hour"
run "$swiftlet" run -- date -u +%Y-%m-%dT%H
now=$(date -u +%Y-%m-%dT%H)
status_is 0
active && [ "$(cat stdout)" != "$now" ] && [ "$(date -u +%H)" = "${now#*T}" ] && fail "$(cat stdout), the host has $now"

claim "a root image read through virtio-block instead of mapped memory holds the same bytes"
tiny_only "a Linux reads its image through virtio-block"
run "$swiftlet" run --root-transport pmem -- sh -c 'find /usr /etc -type f | sort | xargs sha256sum | sha256sum'
status_is 0
active && mapped=$(cat stdout)
run "$swiftlet" run --root-transport block -- sh -c 'find /usr /etc -type f | sort | xargs sha256sum | sha256sum'
status_is 0
stdout_is "${mapped:-}"
