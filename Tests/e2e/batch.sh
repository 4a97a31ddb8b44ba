# swiftlet batch: a line of JSON a job, a line of JSON a result.

# line_of NUMBER: the result of that line of the input.
line_of() { grep "^{\"line\":$1," stdout; }
# lines: the line numbers of all results, in their order.
lines() { sed 's/^{"line":\([0-9]*\),.*/\1/' "${1:-stdout}" | tr '\n' ' '; }
# jobs NUMBER WORD...: so many lines of the same command.
jobs() {
  count=$1 words=
  shift
  for word in "$@"; do words="$words,\"$word\""; done
  while [ "$count" -gt 0 ]; do echo "{\"command\":[${words#,}]}"; count=$((count - 1)); done
}

claim "each job has its own status, output and input, in the order of the lines"
cat >jobs <<'EOJ'
{"command": ["sh", "-c", "sleep 0.3; echo first"]}
{"command": ["sh", "-c", "cat; exit 3"], "stdin": "caf\u00e9\n", "name": "reads"}

{"command": ["sh", "-c", "echo $A"], "env": {"A": "one two"}, "label": {"kind": "test"}}
EOJ
run "$swiftlet" batch -j 3 jobs
status_is 1
equal "$(lines)" "1 2 4 " "the lines"
active && case $(line_of 1) in *'"text":"first\n"'*) ;; *) fail "no output of the first" ;; esac
active && case $(line_of 2) in *'"name":"reads"'*'"exit_code":3'*'"text":"café\n"'*) ;; *) fail "not the second's: $(line_of 2)" ;; esac
active && case $(line_of 4) in *'"kind":"test"'*'"text":"one two\n"'*) ;; *) fail "not the third's: $(line_of 4)" ;; esac
stderr_says '3 jobs in'
stderr_says '2 succeeded, 1 failed'

claim "a line that is no job is told with its number, and the others run"
cat >jobs <<'EOJ'
{"command": ["echo", "before"]}
{"command": ["echo", "cut off"
{"command": []}
{"command": ["true"], "memroy": "1G"}
{"command": ["true"], "memory": "1 parsec"}
{"command": ["true"], "image": "no-such-image"}
{"command": ["true"], "out": "/etc/passwd"}
[1]
{"command": ["echo", "after"]}
EOJ
run "$swiftlet" batch jobs
status_is 1
equal "$(lines)" "1 2 3 4 5 6 7 8 9 " "the lines"
equal "$(grep -c '"reason":"exited"' stdout)" 2 "jobs that ran"
equal "$(grep -c '"reason":"start_failed"' stdout)" 7 "jobs that did not"
for number in 2 3 4 5 6 7 8; do stderr_says "line $number: "; done
active && case $(line_of 9) in *'"text":"after\n"'*) ;; *) fail "the last did not run" ;; esac

claim "verdicts in a batch are those of run: time limit, signal, not found, defaults from the command line"
cat >jobs <<'EOJ'
{"command": ["sleep", "1000"], "timeout": "200ms"}
{"command": ["sh", "-c", "kill -9 $$"]}
{"command": ["no-such-program"]}
{"command": ["yes"], "max_output": "64K"}
EOJ
run "$swiftlet" batch -j 2 --timeout 100s jobs
equal "$(sed 's/.*"reason":"\([a-z_]*\)".*/\1/' stdout | tr '\n' ' ')" 'wall_timeout signaled start_failed output_limit ' "the reasons"
equal "$(sed 's/^{"line":[0-9]*,"job":"[0-9a-f]*","status":\([0-9]*\).*/\1/' stdout | tr '\n' ' ')" '124 137 127 153 ' "the statuses"

claim "unordered results come as they are ready, ordered ones wait"
# Longer than three others take, in a busy lab too; Linux boots for seconds there.
long=4
[ -z "${E2E_KERNEL:-}" ] || long=$((brief_us / 1000000))
{ jobs 1 sleep "$long"; jobs 3 true; } >jobs
run "$swiftlet" batch -j 2 --unordered jobs
status_is 0
equal "$(lines | tr -d ' ')" 2341 "the order"
run "$swiftlet" batch -j 2 jobs
equal "$(lines | tr -d ' ')" 1234 "the order"

claim "jobs from a pipe run as they come"
active && jobs 3 echo piped >jobs
run sh -c '(head -n 2 jobs; sleep 1; tail -n 1 jobs) | "$1" batch -' sh "$swiftlet"
status_is 0
equal "$(grep -c 'piped' stdout)" 3 "results"

claim "fail-fast starts nothing after the first failure"
{ jobs 1 false; jobs 50 true; } >jobs
run "$swiftlet" batch -j 1 --fail-fast jobs
status_is 1
equal "$(lines)" "1 " "the lines"
stderr_says 'the rest was not run'

claim "jobs whose memory does not fit together run one after the other"
jobs 4 true >jobs
run "$swiftlet" batch -j 4 -m 64M --total-memory 100M jobs
status_is 0
equal "$(lines)" "1 2 3 4 " "the lines"

# So many jobs; fewer where each boots for seconds.
: "${E2E_BATCH_JOBS:=$(many 200)}"
[ -z "${E2E_KERNEL:-}" ] || E2E_BATCH_JOBS=16
# killed_and_resumed OPTION...: a batch is killed in its middle and goes on.
killed_and_resumed() {
ours >"$E2E_WORK/before-batch"
jobs "$E2E_BATCH_JOBS" true >jobs
if active; then
  "$swiftlet" batch -q -j 2 "$@" --output results jobs </dev/null 2>stderr &
  batch=$!
  until [ "$(cat results 2>/dev/null | wc -l)" -ge $(($E2E_BATCH_JOBS / 2)) ]; do kill -0 $batch 2>/dev/null || break; sleep 0.1 2>/dev/null || sleep 1; done
  kill -9 $batch
  wait $batch 2>/dev/null
  # As if it had been killed in the middle of a write.
  printf '{"line":9,"job":"0123' >>results
fi
nothing_left "$E2E_WORK/before-batch"
run "$swiftlet" batch -j 2 --output results jobs
status_is 125
stderr_says --resume
run "$swiftlet" batch -j 2 "$@" --output results --resume jobs
status_is 0
stderr_says 'were done already'
equal "$(lines results | tr ' ' '\n' | grep -c .)" "$E2E_BATCH_JOBS" "results"
equal "$(lines results | tr ' ' '\n' | sort -un | grep -c .)" "$E2E_BATCH_JOBS" "different results"
equal "$(grep -c '"reason":"exited"' results)" "$E2E_BATCH_JOBS" "jobs that exited"
}

claim "a batch that was killed goes on where it was, and each job has one result"
killed_and_resumed

claim "so does a batch with prepared machines"
killed_and_resumed --shells 2

claim "going on with other jobs than those that were done is refused"
active && { jobs 2 true >jobs; "$swiftlet" batch -q --output results jobs; sed 's/true/false/' jobs >others; }
run "$swiftlet" batch --output results --resume others
status_is 125
stderr_says 'line 1 is not the job'

claim "SIGTERM ends the running jobs, leaves nothing, and what was cancelled runs again"
ours >"$E2E_WORK/before-batch"
{ jobs 1 true; jobs 2 sleep 1000; } >jobs
if active; then
  "$swiftlet" batch -j 3 --output results jobs </dev/null 2>stderr &
  batch=$!
  until [ -s results ] && [ "$(vmms $batch | wc -l)" -ge 2 ]; do kill -0 $batch 2>/dev/null || break; sleep 0.1 2>/dev/null || sleep 1; done
  kill -TERM $batch
  wait $batch
  status=$?
fi
status_is 143
equal "$(lines results)" "1 " "the results"
stderr_says 'the rest was not run'
nothing_left "$E2E_WORK/before-batch"

claim "bad options are named"
run "$swiftlet" batch --jobs 0 x
status_is 2
stderr_says '1 to 4096'
run "$swiftlet" batch --resume x
status_is 2
stderr_says --output
run "$swiftlet" batch no/such/file
status_is 125
stderr_says no/such/file

# long_word NAME BYTES: a file with a word of so many letters.
long_word() { head -c "$2" /dev/zero | tr '\000' a >"$1"; }

claim "HOSTILE 30: words and paths of any length and number are their own line's error, and the others run; so again with --resume"
active && {
  long_word word 262145; long_word path 4096
  printf '{"command":["true","%s"]}\n' "$(cat word)"
  printf '{"command":["true"],"env":{"A":"%s"}}\n' "$(cat word)"
  printf '{"command":["true"],"out":"/%s:x"}\n' "$(cat path)"
  printf '{"command":["true"],"in":"jobs:/%s"}\n' "$(cat path)"
  printf '{"command":["true"],"out":[%s"/a:x"]}\n' "$(i=0; while [ $i -lt 5000 ]; do printf '"/a:x%s",' $i; i=$((i + 1)); done)"
  printf '{"command":["true"],"workdir":"/%s"}\n' "$(cat path)"
  echo '{"command":["echo","still here"]}'
} >jobs
run "$swiftlet" batch -o results jobs
status_is 1
active && cp results stdout
equal "$(lines)" "1 2 3 4 5 6 7 " "the lines"
for line in 1 2 3 4 5 6; do
  active && case $(line_of $line) in *'"reason":"start_failed"'*) ;; *) fail "line $line: $(line_of $line | head -c 300)" ;; esac
done
active && case $(line_of 1) in *'argument 1: 262145 bytes; it may have 262144'*) ;; *) fail "not named: $(line_of 1 | tail -c 300)" ;; esac
active && case $(line_of 5) in *'5001 output files; a job may have 4096'*) ;; *) fail "not named: $(line_of 5 | tail -c 300)" ;; esac
active && case $(line_of 7) in *'"text":"still here\n"'*) ;; *) fail "the last did not run" ;; esac
run "$swiftlet" batch -o results --resume jobs
status_is 1
stderr_says '7 were done already, 6 of them failed'
equal "$(wc -l <results)" 7 "results"

claim "HOSTILE 30: a tree as deep as names can be is its line's error or its job's input, and the others run"
needs python3
active && python3 - <<'EOP'
import os
for _ in range(2045):
    os.mkdir("d")
    os.chdir("d")
EOP
echo '{"command":["true"],"in":"d","timeout":"5s"}' >jobs
echo '{"command":["echo","still here"]}' >>jobs
run "$swiftlet" batch -m 512M jobs
active && case $(line_of 1) in *'path too long'* | *'"reason":"exited"'* | *'"reason":"wall_timeout"'*) ;; *) fail "no result: $(line_of 1 | head -c 300)" ;; esac
active && case $(line_of 2) in *'"text":"still here\n"'*) ;; *) fail "the second did not run" ;; esac
active && rm -rf d

claim "HOSTILE 31: output that costs more as JSON than its job is written at the speed of memory, and other jobs do not wait for it"
active && {
  for line in 1 2 3; do echo '{"command":["sh","-c","head -c 16777216 /dev/zero; head -c 16777216 /dev/zero >&2"],"timeout":"60s"}'; done
  echo '{"command":["sh","-c","printf \"\\\\377 caf\\\\303\\\\251\""]}'
} >jobs
cat >measured.py <<'EOP'
import json, resource, subprocess, sys
out = open("stdout", "wb")
code = subprocess.call(sys.argv[1:], stdout=out)
use = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, use.ru_maxrss // 1024, file=open("use", "w"))
for line in open("stdout", "rb"):
    r = json.loads(line)
    print(r["stdout"]["bytes"], r["stdout"].get("utf8"), r["stdout"].get("base64"), len(r["stdout"]["text"]), file=open("seen", "a"))
EOP
needs python3
run python3 measured.py "$swiftlet" batch -q -j 2 jobs
equal "$(cat seen 2>/dev/null)" "$(for i in 1 2 3; do echo 16777216 True None 16777216; done; echo 7 False /yBjYWbDqQ== 6)" "the results"
active && { read -r code mib <use; equal "$code" 0 "status"; at_most "$mib" 900 "MiB of memory"; }

claim "HOSTILE 31: escape sequences of a line reach no terminal"
printf '{"command":["true"],"a\\u001b[2J\\nswiftlet: all is well":1}\n' >jobs
run "$swiftlet" batch jobs
status_is 1
stderr_says 'line 1: unknown member'
active && { grep -q "$(printf '\033')" stderr && fail "an escape character"; [ "$(wc -l <stderr)" -le 2 ] || fail "a line of the attacker's"; }
