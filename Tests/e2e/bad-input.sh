# What a user can get wrong: a clear error each, nothing half-written.

kernel=$E2E_BIN/swiftlet-kernel

claim "HOSTILE 16: a truncated kernel is refused: 125, named"
head -c 5000 "$kernel" >short
run "$swiftlet" run --kernel ./short --meta meta.json -- true
status_is 125
stderr_says short

claim "HOSTILE 16: a kernel that is no ELF file is refused"
echo 'I am a text' >text
run "$swiftlet" run --kernel ./text -- true
status_is 125
stderr_matches 'ELF|kernel'

claim "a Linux bzImage without a kernel in it is refused: 125, with the reason that holds on this host"
# Its setup header and nothing else, the kernel itself being zeros.
head -c 86016 /dev/zero >bzimage
put() { printf "$2" | dd of=bzimage bs=1 seek="$1" conv=notrunc 2>/dev/null; }
put 497 '\047'
put 500 '\000\020'
put 510 '\125\252\353\152HdrS\017\002'
put 529 '\001'
put 566 '\177'
put 603 '\001'
put 610 '\067\003'
run "$swiftlet" run --kernel ./bzimage -- true
status_is 125
stderr_is_one_line
grep -qwE 'svm|vmx' /proc/cpuinfo || stderr_says 'ring-deprivileged'

claim "HOSTILE 16: an empty kernel is refused"
: >empty
run "$swiftlet" run --kernel ./empty -- true
status_is 125
stderr_says empty

claim "a kernel that does not exist is refused and named"
run "$swiftlet" run --kernel ./no-kernel -- true
status_is 125
stderr_says no-kernel

claim "HOSTILE 16: a kernel whose segments lie outside memory is refused"
needs dd
cp "$kernel" wide
# p_paddr of the first program header: offset 64 + 24.
printf '\377\377\377\377\377\377\377\177' | dd of=wide bs=1 seek=88 conv=notrunc 2>/dev/null
run "$swiftlet" run --kernel ./wide -- true
status_is 125

claim "an image that does not exist is named, with what to do"
run "$swiftlet" run --image no-such-image -- true
status_is 125
stderr_is_one_line
stderr_says no-such-image
stderr_matches 'image (build|ls|import)'

claim "a truncated image is refused: 125, named"
image=$(find "$E2E_STORE/blobs" -name "*$(grep -oE '[0-9a-f]{64}' "$E2E_STORE/images/base" | head -n 1)*")
head -c 100000 "$image" >short.erofs
run "$swiftlet" run --image ./short.erofs -- true
status_is 125
stderr_is_one_line
stderr_says short.erofs

claim "an image cut in the middle of its data is refused too"
head -c $(($(size_of "$image") / 2)) "$image" >half.erofs
run "$swiftlet" run --image ./half.erofs -- true
status_is 125
stderr_says half.erofs

claim "HOSTILE 10: a file that is no image is refused and named"
head -c 2000000 /dev/urandom >noise.erofs
run "$swiftlet" run --image ./noise.erofs -- true
status_is 125
stderr_is_one_line
stderr_says noise.erofs

claim "an empty image and an image that is a directory are refused"
: >empty.erofs; mkdir folder.erofs
run "$swiftlet" run --image ./empty.erofs -- true
status_is 125
stderr_says empty.erofs
run "$swiftlet" run --image ./folder.erofs -- true
status_is 125
stderr_says folder.erofs

claim "an image with damage behind a whole superblock ends in an error, never in a hang or in success with wrong data"
cp "$image" damaged.erofs; chmod 644 damaged.erofs
head -c 60000 /dev/urandom | dd of=damaged.erofs bs=1 seek=4096 conv=notrunc 2>/dev/null
run "$swiftlet" run --image ./damaged.erofs --timeout 20s -- true
status_is_not 0

for size in 0 1 4095 1K banana -1 -5M 1e9 99999999999999999999 16E 8388608T ''; do
  claim "HOSTILE 22: -m '$size' is refused as a size, with the option named"
  run "$swiftlet" run -m "$size" -- true
  status_is 2
  stderr_says memory
  stdout_is
done

claim "HOSTILE 22: more memory than an address space holds is refused, not tried"
run "$swiftlet" run -m 512T -- true
status_is_not 0
active && [ "$status" -gt 125 ] && fail "status $status"
stderr_says memory

for limit in banana -1s 1x ''; do
  claim "--timeout '$limit' is refused, with the option named"
  run "$swiftlet" run --timeout "$limit" -- true
  status_is 2
  stderr_says timeout
done

claim "an unknown option is 2 and named"
run "$swiftlet" run --no-such-option -- true
status_is 2
stderr_says no-such-option

claim "no command at all is 2"
run "$swiftlet" run
status_is 2

claim "an environment variable without = or name is refused"
run "$swiftlet" run -e =value -- true
status_is 2

claim "an input file that does not exist is named"
run "$swiftlet" run --in ./not-here:/job/x -- true
status_is 125
stderr_says not-here

claim "an input file that cannot be read is named"
open_place 666
echo secret >locked; chmod 000 locked
active && chmod 755 "$E2E_WORK/here"
as_nobody env "SWIFTLET_HOME=$open" "$open/bin/swiftlet" run --in "$PWD/locked:/job/x" -- true
status_is 125
stderr_is_one_line
stderr_says locked
stdout_is
# The same user runs what he may read: it was the file.
active && chmod 444 locked
as_nobody env "SWIFTLET_HOME=$open" "$open/bin/swiftlet" run --in "$PWD/locked:/job/x" -- cat /job/x
close_place
status_is 0
stdout_is secret

claim "a directory as input file is refused or brought as one, never half"
mkdir folder; echo x >folder/x
run "$swiftlet" run --in folder:/job/folder -- cat /job/folder/x
active && case $status in 0) stdout_is x ;; 125) stderr_says folder ;; *) fail "status $status" ;; esac

claim "an output into a folder that does not exist is an error and named"
run "$swiftlet" run --out /etc/passwd:./no/such/place -- true
status_is 125
stderr_says no/such
absent no

claim "a full disk while writing an output: 125, named, nothing half-written"
needs root unshare
run unshare -m sh -c '
  mkdir small && mount -t tmpfs -o size=256k tmpfs small && "$1" run --out /tmp/big:small/big -- sh -c "head -c 1000000 /dev/zero >/tmp/big"
  s=$?; ls -A small; exit $s' sh "$swiftlet"
status_is 125
stderr_matches 'no space|ENOSPC|full'
stdout_is

claim "a full disk under stdout is an error and not success"
needs root
active && { [ -e /dev/full ] || skip "no /dev/full"; }
run sh -c '"$1" run --meta meta.json -- sh -c "yes | head -c 100000" >/dev/full' sh "$swiftlet"
status_is_not 0
stderr_matches 'no space|full|output'

claim "a --meta file that cannot be written is an error and named"
run "$swiftlet" run --meta ./no/such/meta.json -- true
status_is 125
stderr_says no/such

claim "HOSTILE 26: an argument list of 2 MiB is carried or refused clearly"
run "$swiftlet" run -- sh -c 'echo ${#1}' sh "$(head -c 100000 /dev/zero | tr '\000' a)"
active && case $status in 0) stdout_is 100000 ;; 125 | 126) [ -s stderr ] || fail "no message" ;; *) fail "status $status" ;; esac

# Below 2 MB of data, the program's own, the host's kernel ends it in its exec.
for limit in 'd 4000 data' 's 64 stack'; do
  set -- $limit
  claim "HOSTILE 30: a limit of $3 (ulimit -$1 $2) below what a program needs is told by name, and is no crash"
  run sh -c 'ulimit -S -'"$1 $2"' && exec "$1" run -- true' sh "$swiftlet"
  status_is 125
  stderr_is_one_line
  stderr_says "ulimit -$1"
done

claim "HOSTILE 30: a template's working directory and kernel may be 1,024 bytes long, and what is longer is told before a VM starts"
run "$swiftlet" template create too-long -w "/$(head -c 4000 /dev/zero | tr '\000' w)" -- true
status_is 125
stderr_is_one_line
stderr_says '4001 bytes; a template has room for 1024'

claim "HOSTILE 34: what a killed image import has unpacked is reached by nobody else, and the next command removes it"
needs root tar mkfs.erofs setpriv
work=
active && {
  mkdir content && cp /bin/true content/su && chmod 4755 content/su
  head -c 100000000 /dev/urandom >content/z
  tar cf archive.tar -C content .
  SWIFTLET_HOME=$PWD/store "$swiftlet" image import archive.tar made </dev/null >import-output 2>&1 &
  import_id=$!
  left=400
  until [ -n "$(find store/tmp -name su 2>/dev/null)" ] || [ $left = 0 ]; do left=$((left - 1)); sleep 0.01; done
  kill -KILL $import_id
  wait $import_id 2>/dev/null
  work=$PWD/$(echo store/tmp/build-*)
  [ -e "$work/tree/su" ] || fail "nothing was unpacked: $work"
  chmod 755 .
}
run setpriv --reuid 65534 --regid 65534 --clear-groups ls "$work"
status_is_not 0
stderr_says "permission denied"
run env SWIFTLET_HOME="$PWD/store" "$swiftlet" image ls
status_is 0
active && absent "$work"
