# Dynamically linked Debian programs, from the python image: coreutils, bash, python3.

claim "python3: json, re and hashlib over a 1 MB document give the host's answer"
needs python
run_from "$E2E_FIXTURES/data.json" "$swiftlet" run --image python -i -- python3 -c "$(cat "$E2E_FIXTURES/digest.py")"
status_is 0
stdout_equals "$E2E_FIXTURES/data.answer"

claim "python3: an uncaught exception is status 1 with a traceback on stderr"
needs python
run "$swiftlet" run --image python -- python3 -c 'raise ValueError("as it should")'
status_is 1
stderr_says 'ValueError: as it should'

claim "python3: sys.exit, stdin lines, file round trip, environment, time, tempfile"
needs python
cat >script.py <<'SCRIPT'
import sys, os, tempfile, time, math
total = sum(int(line) for line in sys.stdin)
with tempfile.TemporaryDirectory() as d:
    path = os.path.join(d, "ñ.txt")
    with open(path, "w", encoding="utf-8") as f: f.write(f"{total}\n" * 1000)
    size = os.stat(path).st_size
    lines = sum(1 for _ in open(path, encoding="utf-8"))
assert time.time() > 1.7e9 and time.monotonic() > 0
print(total, size, lines, os.environ["WHO"], math.sqrt(2))
sys.exit(5)
SCRIPT
seq 100 >input
run_from input "$swiftlet" run --image python -i -e WHO=me --in script.py:/job/script.py -- python3 /job/script.py
status_is 5
stdout_is '5050 5000 1000 me 1.4142135623730951'

claim "python3: subprocess runs a shell pipeline and reads its output"
needs python
run "$swiftlet" run --image python -- python3 -c '
import subprocess
print(subprocess.run("seq 10 | sort -rn | head -1", shell=True, capture_output=True, text=True, check=True).stdout.strip())
print(subprocess.run(["false"]).returncode)'
status_is 0
stdout_is 10 1

claim "python3: four threads with a lock and a queue"
needs python
run "$swiftlet" run --image python -- python3 -c '
import threading, queue
q, total, lock = queue.Queue(), [0], threading.Lock()
def work():
    while (n := q.get()) is not None:
        with lock: total[0] += n
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for n in range(1000): q.put(n)
for t in threads: q.put(None)
for t in threads: t.join()
print(total[0])'
status_is 0
stdout_is 499500

claim "python3: floating point and large integers are exact across processes that compete"
needs python
run "$swiftlet" run --image python -- bash -c '
  for i in 1 2 3; do python3 -c "
import math
s = 0.0
for n in range(1, 200000): s += math.sin(n) / n
print(repr(s), 3**500 % 1000007)" & done; wait' 
status_is 0
active && [ "$(sort -u stdout | wc -l)" -ne 1 ] && fail "three equal computations, different answers"
equal "$(wc -l <stdout | tr -d ' ')" 3 "lines"

claim "bash: arrays, process substitution, [[ ]], regular expressions, pipefail"
needs python
cat >script.bash <<'SCRIPT'
set -euo pipefail
words=(alpha beta gamma)
declare -A length
for w in "${words[@]}"; do length[$w]=${#w}; done
echo "${#words[@]} ${length[gamma]} ${words[-1]^^}"
diff <(printf '1\n2\n') <(printf '1\n2\n') && echo same
[[ file42.txt =~ ^([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[2]}"
mapfile -t lines < <(seq 5); echo "${lines[*]}"
set +e; false | true; echo "pipefail $?"
SCRIPT
run "$swiftlet" run --image python --in script.bash:/job/script.bash -- bash /job/script.bash
status_is 0
stdout_is '3 5 GAMMA' same 42 '1 2 3 4 5' 'pipefail 1'

claim "Debian's coreutils: sort, join, paste, comm, tac, numfmt, stat, ls, cp -a, du"
needs python
cat >script.sh <<'SCRIPT'
set -e
cd /tmp; mkdir c; cd c
printf '1 one\n2 two\n3 three\n' >a; printf '1 I\n3 III\n' >b
join a b | tac; seq 6 | paste -sd+ ; comm -12 a a | wc -l
numfmt --to=iec 1048576; printf 'b 2\na 10\nc 1\n' | sort -k2,2n | tr '\n' ';'; echo
chmod 600 a; stat -c '%a %s' a; cp -a a d; ls -l d | cut -c1-10; ln a hard; stat -c %h a
SCRIPT
run "$swiftlet" run --image python --in script.sh:/job/script.sh -- bash /job/script.sh
status_is 0
stdout_is '3 three III' '1 one I' 1+2+3+4+5+6 3 1.0M 'c 1;b 2;a 10;' '600 20' '-rw-------' 2

claim "python3: a FIFO's partner who came and went is met, though a signal interrupts the open"
needs python
cat >fifo.py <<'SCRIPT'
import os, signal, time
signal.signal(signal.SIGALRM, lambda *_: None)
os.mkfifo("/tmp/f")
for n in range(60):
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.alarm(5)          # nobody came: end, instead of waiting for ever
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        time.sleep(0.002)
        os.kill(os.getppid(), signal.SIGALRM)
        os.close(os.open("/tmp/f", os.O_RDONLY))
        os.kill(os.getppid(), signal.SIGALRM)
        os._exit(0)
    os.close(os.open("/tmp/f", os.O_WRONLY))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("met")
SCRIPT
run "$swiftlet" run --image python --in fifo.py:/job/fifo.py --timeout 30s -- python3 /job/fifo.py
status_is 0
stdout_is met
