# The shortest jobs: a command's output and status are the job's, and nothing else is on stdout.

claim "echo prints its argument and ends with status 0"
run "$swiftlet" run -- echo hello
status_is 0
stdout_is hello
stderr_is_empty

claim "--version is one line: the name and a version of three numbers"
run "$swiftlet" --version
status_is 0
active && { grep -Eqx 'swiftlet [0-9]+\.[0-9]+\.[0-9]+' stdout && [ "$(wc -l <stdout)" = 1 ] || fail "not a version"; }

claim "options may end without --, and the command's own options are its own"
slow linux
run "$swiftlet" run echo -n --json
status_is 0
equal "$(cat stdout)" "--json" "stdout"

claim "with -i the job reads what swiftlet's stdin has"
printf 'b\na\n' >input
run_from input "$swiftlet" run -i -- sort
status_is 0
stdout_is a b

claim "without -i the job's stdin is empty"
printf 'b\na\n' >input
run_from input "$swiftlet" run -- cat
status_is 0
stdout_is

claim "arguments arrive byte for byte: empty, spaces, quotes, newline, not UTF-8"
newline='
'
bytes=$(printf 'caf\351')
run "$swiftlet" run -- printf '<%s>' '' 'a  b' '"$x"' "l1${newline}l2" "$bytes"
status_is 0
printf '<%s>' '' 'a  b' '"$x"' "l1${newline}l2" "$bytes" >expected-bytes
stdout_equals expected-bytes

claim "-e sets a variable, and the host's environment does not reach the job"
SECRET_OF_THE_HOST=42; export SECRET_OF_THE_HOST
run "$swiftlet" run -e GREETING='good day' -- sh -c 'echo "$GREETING"; echo "[${SECRET_OF_THE_HOST-}]"'
unset SECRET_OF_THE_HOST
status_is 0
stdout_is 'good day' '[]'

claim "-w sets the working directory"
slow linux
run "$swiftlet" run -w /usr -- pwd
status_is 0
stdout_is /usr

claim "--json prints one result object: reason, exit code, digests, timing"
run "$swiftlet" run --json -- sh -c 'echo out; exit 3'
status_is 3
cp stdout meta.json 2>/dev/null
reason_is exited
equal "$(meta exit_code)" 3 exit_code
for key in id image kernel kernel_boot run vm_exits wall user sys max_rss; do
  grep -q "\"$key\"" meta.json || fail "no \"$key\" in the result"
done

claim "--meta writes the same result to a file and leaves stdout to the job"
slow linux
run "$swiftlet" run --meta meta.json -- echo hello
status_is 0
stdout_is hello
reason_is exited
equal "$(meta exit_code)" 0 exit_code

claim "HOSTILE 25: two jobs see nothing of each other: what the first wrote is not there for the second"
run "$swiftlet" run -- sh -c 'echo secret >/tmp/left && cat /tmp/left'
stdout_is secret
run "$swiftlet" run -- cat /tmp/left
status_is_not 0
stdout_is
