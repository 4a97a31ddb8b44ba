# Pseudo-terminals, the line discipline, job control. Each program's answer is compared with the host's own for the same
# program.

claim "a pseudo-terminal edits, echoes, signals and hangs up as the host's does, byte for byte"
needs python python3
python3 -u "$E2E_DIRECTORY/terminals/discipline.py" >wanted 2>&1 </dev/null
run "$swiftlet" run --image python --in "$E2E_DIRECTORY/terminals/discipline.py" -- python3 -u discipline.py
status_is 0
stdout_equals wanted

claim "an interactive bash stops, lists, continues and kills jobs as on the host"
needs python python3 bash
python3 -u "$E2E_DIRECTORY/terminals/job-control.py" >wanted 2>&1 </dev/null
run "$swiftlet" run --image python --in "$E2E_DIRECTORY/terminals/job-control.py" -- python3 -u job-control.py
status_is 0
stdout_equals wanted

claim "script(1) of util-linux records what a program says to its terminal"
slow linux
needs python
run "$swiftlet" run --image python -- sh -c 'command -v script >/dev/null || { echo none; exit; }
  script -qec "test -t 0 && test -t 1 && tty | cut -c1-8" /tmp/log </dev/null | tr -d "\r"'
status_is 0
active && { grep -qx -e /dev/pts -e none stdout || fail "script did not give its program a terminal"; }

claim "twenty pseudo-terminals at once, and their numbers come back"
slow linux
needs python
run "$swiftlet" run --image python -- python3 -c '
import os
pairs = [os.openpty() for _ in range(20)]
names = sorted(int(n) for n in os.listdir("/dev/pts") if n != "ptmx")
assert names == list(range(20)), names
for m, s in pairs: os.write(s, b"%d\n" % m)
for m, s in pairs: assert os.read(m, 99) == b"%d\r\n" % m
for m, s in pairs: os.close(m); os.close(s)
assert os.listdir("/dev/pts") == ["ptmx"]
m, s = os.openpty(); print(os.ttyname(s))'
status_is 0
stdout_is /dev/pts/0

claim "run -it: keys, window size and Ctrl-C reach the job, and the terminal is restored in every ending"
needs python3
run python3 "$E2E_DIRECTORY/terminals/run-tty.py" "$swiftlet"
status_is 0
stdout_is True 'raw True True' True True True True 'status 7 restored True' True 'status 0 restored True' \
  'status 143 restored True' 'status 124 restored True' 'status 127 restored True'

claim "run -t without -i gives the job a terminal to write to, and the output ends with what it wrote last"
run "$swiftlet" run -t -- sh -c 'test -t 0 && test -t 1 && test -t 2 && echo three; seq 3000 | tail -1; printf last'
status_is 0
active && { tr -d '\r' <stdout >plain; printf 'three\n3000\nlast' | cmp - plain || fail "not the job's output"; }

claim "run -it where standard input is no terminal is a bad option"
run "$swiftlet" run -it -- true
status_is 2
stderr_says 'not a terminal'
