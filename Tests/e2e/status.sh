# Every way a job can end has the exit status that shells and docker give it (CLI.md), and one line that says why
# whenever the status is not the job's own.

claim "a job's exit status is swiftlet's"
run "$swiftlet" run --meta meta.json -- sh -c 'exit 7'
status_is 7
reason_is exited

claim "status 255 stays 255"
slow linux
run "$swiftlet" run -- sh -c 'exit 255'
status_is 255

claim "an unknown command is 127 and is named"
run "$swiftlet" run --meta meta.json -- no-such-command
status_is 127
stderr_is_one_line
stderr_says no-such-command

claim "HOSTILE 26: a directory as command is 126"
run "$swiftlet" run --meta meta.json -- /usr
status_is 126
stderr_is_one_line

claim "a file without execute permission is 126"
slow linux
echo 'echo ran' >script; chmod 644 script
run "$swiftlet" run --in script:/job/script -- /job/script
status_is 126
stdout_is

claim "HOSTILE 26: an executable file in no known format is 126"
slow linux
printf '\177ELF\002\001\001truncated' >broken; chmod 755 broken
run "$swiftlet" run --in broken:/job/broken -- /job/broken
status_is 126

claim "a job killed by signal 9 is 137, reason signaled"
run "$swiftlet" run --meta meta.json -- sh -c 'kill -9 $$'
status_is 137
reason_is signaled
equal "$(meta signal)" 9 signal

claim "a job killed by its own SIGSEGV is 139"
run "$swiftlet" run --meta meta.json -- sh -c 'kill -SEGV $$'
status_is 139
reason_is signaled

claim "a job over its --timeout is 124, reason wall_timeout, with what it had printed until then"
run "$swiftlet" run --timeout $brief --meta meta.json -- sh -c 'echo before; sleep 60; echo after'
status_is 124
reason_is wall_timeout
stdout_is before
stderr_is_one_line

claim "a job that loops in user code is stopped by --timeout"
slow linux
run "$swiftlet" run --timeout $brief --meta meta.json -- sh -c 'while :; do :; done'
status_is 124
reason_is wall_timeout

claim "HOSTILE 26: a job that ignores SIGTERM is stopped by --timeout"
run "$swiftlet" run --timeout $brief --meta meta.json -- sh -c "trap '' TERM INT HUP; while :; do sleep 1; done"
status_is 124
reason_is wall_timeout

claim "HOSTILE 26: more output than --max-output is cut there: 153, reason output_limit"
run "$swiftlet" run --max-output 64K --meta meta.json -- sh -c 'yes | head -c 1000000'
status_is 153
reason_is output_limit
at_most "$(size_of stdout)" 65536 "bytes of stdout"

claim "output of exactly --max-output is not cut"
slow linux
run "$swiftlet" run --max-output 64K --meta meta.json -- sh -c 'yes | head -c 65536'
status_is 0
equal "$(size_of stdout)" 65536 "bytes of stdout"

claim "HOSTILE 26: output without end is stopped"
slow linux
run "$swiftlet" run --max-output 1M --meta meta.json -- yes
status_is 153
reason_is output_limit
