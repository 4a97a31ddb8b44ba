# Bytes in, bytes out: whole, in order, apart, with back-pressure, and none of them kept in the VMM's memory.
megabytes=$E2E_MEGABYTES

# The VMM may peak at this many KiB beyond the guest's own RAM, whatever passes through it.
vmm_bound=$((32 * 1024))

big() { head -c $((megabytes * 1000000)) /dev/urandom >"$E2E_WORK/big"; }
[ -e "$E2E_WORK/big" ] || big

claim "sha256sum of a $megabytes MB stdin equals the host's"
run_from "$E2E_WORK/big" "$swiftlet" run -i -- sha256sum
status_is 0
sha256sum <"$E2E_WORK/big" >host
stdout_equals host

claim "$megabytes MB through cat arrive unchanged, with the VMM's memory bounded"
run_from "$E2E_WORK/big" "$swiftlet" run -i -m 128M --max-output 1G --meta meta.json -- cat
status_is 0
stdout_equals "$E2E_WORK/big"
peak=$(meta max_resident_kib)
at_most "$peak" $((128 * 1024 + vmm_bound)) "the VMM's peak in KiB, guest RAM included"
active && echo "    the VMM peaked at $peak KiB, guest RAM of 128 MiB included"
rm -f stdout

claim "stdout and stderr arrive separately"
run "$swiftlet" run -- sh -c 'echo to-out; echo to-err >&2; echo out-again'
status_is 0
stdout_is to-out out-again
equal "$(cat stderr)" to-err stderr

claim "a large stderr and a large stdout written in turn both arrive whole"
slow linux
run "$swiftlet" run -- sh -c 'i=0; while [ $i -lt 200 ]; do yes o | head -c 10000; yes e | head -c 10000 >&2; i=$((i+1)); done'
status_is 0
equal "$(size_of stdout)" 2000000 "bytes of stdout"
equal "$(size_of stderr)" 2000000 "bytes of stderr"
equal "$(tr -d 'o\n' <stdout | wc -c | tr -d ' ')" 0 "foreign bytes in stdout"
equal "$(tr -d 'e\n' <stderr | wc -c | tr -d ' ')" 0 "foreign bytes in stderr"

claim "HOSTILE 26: a child left in the background, holding stdout, does not hang the job"
run "$swiftlet" run --timeout 60s --meta meta.json -- sh -c 'sleep 1000 & echo done'
status_is 0
reason_is exited
stdout_is done

claim "HOSTILE 26: a job that does not read its stdin ends all the same"
run_from "$E2E_WORK/big" "$swiftlet" run -i -- echo 'not interested'
status_is 0
stdout_is 'not interested'

claim "a job that reads a part of its stdin ends all the same"
slow linux
run_from "$E2E_WORK/big" "$swiftlet" run -i -- head -c 5
status_is 0
head -c 5 "$E2E_WORK/big" >expected-bytes
stdout_equals expected-bytes

claim "a reader of swiftlet's stdout that goes away ends the job, not the terminal"
run sh -c '"$1" run --timeout 60s --meta meta.json -- yes | head -n 1' sh "$swiftlet"
status_is 0
stdout_is y
[ -z "$(meta exit_code)" ] || equal "$(meta exit_code | grep -cx 0)" 0 "a job cut off by its reader counts as successful"

claim "a slow reader gets everything"
slow linux
run sh -c '"$1" run -- sh -c "yes | head -c 2000000" | { sleep 2; wc -c; }' sh "$swiftlet"
status_is 0
equal "$(tr -d ' \n' <stdout)" 2000000 bytes

claim "a pipe with a pause in it keeps stdin open until its writer closes"
slow linux
run sh -c '{ echo one; sleep 1; echo two; } | "$1" run -i -- cat' sh "$swiftlet"
status_is 0
stdout_is one two

claim "a standard output that is closed loses a job's output, which is no success; a job without output does not need one"
run sh -c '"$1" run -- echo lost >&-' sh "$swiftlet"
status_is 125
stderr_says 'standard output'
run sh -c '"$1" run -- true >&-' sh "$swiftlet"
status_is 0

claim "HOSTILE 31: output that is cut is said to be, with --json too, and all within the limit is delivered and counted"
run "$swiftlet" run --json --max-output 1M -- sh -c 'head -c 3000000 /dev/zero | tr "\000" a'
status_is 153
stdout_says '"stdout":{"bytes":1048576,"truncated":true,'
run "$swiftlet" run --meta meta.json --max-output 1M -- sh -c 'head -c 3000000 /dev/zero'
status_is 153
equal "$(size_of stdout)" 1048576 "bytes delivered"
equal "$(meta bytes)" 1048576 "bytes counted"
