# Templates: saved guests, and jobs that go on from them (docs/templates.md). A store of its own: images by link, templates are ours.
store_of_its_own template-store
SWIFTLET_HOME=$store; export SWIFTLET_HOME
file_of() { echo "$store/templates/$1.template"; }
# What a shell reads from /dev/checkpoint, blanks between the words.
ask='words=$(tr "\0" " " </dev/checkpoint)'

claim "a program goes on from its checkpoint with the new job's arguments"
run "$swiftlet" template create shell -q -- sh -c "kept=42; echo before; $ask; echo \"\$kept \$words\"; exit 3"
status_is 0
stdout_is before
stderr_is_empty
run "$swiftlet" run --template shell --meta meta.json -- one 'two  three'
status_is 3
stdout_is "42 one two  three "
reason_is exited
run "$swiftlet" run --template shell
status_is 3
stdout_is "42 "

claim "a template of the booted kernel runs any job"
run "$swiftlet" template create kernel -m 32M
status_is 0
stderr_says "template kernel: kernel"
run "$swiftlet" run --template kernel -e GREETING=hello -w /tmp -u 7:8 -- sh -c 'echo "$GREETING $(pwd) $(id -u) $(id -g)"; exit 5'
status_is 5
stdout_is "hello /tmp 7 8"

claim "a kernel's template needs a command, and says so"
run "$swiftlet" run --template kernel
status_is 2
stderr_says "which command?"

claim "input, files in and out, and limits are the new job's"
run "$swiftlet" template create streams -q -- sh -c "$ask; cat; echo to stderr >&2; cat in.txt >out.txt; [ -z \"\$words\" ] || while :; do :; done"
status_is 0
echo in >in.txt
printf 'typed\n' >typed
run_from typed "$swiftlet" run --template streams -i --in in.txt --out out.txt:came-out
status_is 0
stdout_is typed
stderr_says "to stderr"
same in.txt came-out
run "$swiftlet" run --template streams --in in.txt --cpu-time 200ms --meta meta.json -- spin
status_is 124
reason_is cpu_timeout

claim "threads, files, pipes to a child, vector registers and alarms go on where they were"
needs python
cp "$E2E_DIRECTORY/templates/state.py" .
run "$swiftlet" template create state -q --image python --in state.py -- python3 state.py
status_is 0
stdout_is "printed before the checkpoint"
printf 'from stdin\n' >typed
for round in 1 2 3; do
  run_from typed "$swiftlet" run -i --template state -- "round $round"
  status_is 7
  stdout_is "arguments ['round $round']" "monotonic True" "file ['before', 'after']" "child [b'said', b'before', b'said', b'after'] 0" \
    "threads True alarm 1" "input ['from', 'stdin']"
done

claim "checkpoint() of the images with Python sets sys.argv and makes random draw anew"
needs python
run "$swiftlet" run --image python -- python3 -c 'checkpoint'
[ "$status" = 0 ] || skip "the python image is from before checkpoint(): swiftlet image build python"
run "$swiftlet" template create json -q --image python -- python3 -c 'import json, random, sys; checkpoint(); print(json.dumps(sys.argv[1:]), random.random())'
status_is 0
run "$swiftlet" run --template json -- a 'b c'
stdout_says '["a", "b c"] '
active && cp stdout first
run "$swiftlet" run --template json -- a 'b c'
active && cmp -s stdout first && fail "two jobs drew the same random number"
run "$swiftlet" run --image python -- python3 -c 'checkpoint()'
status_is 1
stderr_says "no template is being made"

claim "HOSTILE 13: bytes in flight when a guest is saved are neither lost nor written twice"
# A writer that is held up by its reader, in the middle of a write: what the template's maker has not seen, the job's caller sees.
cat >writer.sh <<'END'
seq 1 100000 &
words=$(tr "\0" " " </dev/checkpoint)
wait
END
run sh -c "\"\$0\" template create flight -q --in writer.sh -- sh writer.sh | { sleep 1; cat; }" "$swiftlet"
status_is 0
active && cp stdout first
run "$swiftlet" run --template flight
status_is 0
active && seq 1 100000 >expected && cat first stdout >both && equal "$(wc -c <both)" "$(wc -c <expected)" "bytes of both"
same both expected

claim "HOSTILE 17: two jobs of one template share no random number and no boot"
run "$swiftlet" template create random -q -- sh -c "$ask; cd /proc/sys/kernel/random; cat uuid boot_id; head -c 16 /dev/urandom | hexdump -v -e '16/1 \"%02x\"'; echo"
status_is 0
for round in 1 2 3 4 5 6 7 8; do
  run "$swiftlet" run --template random
  status_is 0
  active && cat stdout >>values
done
active && equal "$(sort -u values | wc -l)" 24 "different values of 24"

claim "HOSTILE 17: 200 restores share nothing, and their clocks are the host's"
needs python python3
run python3 "$E2E_DIRECTORY/templates/distinct.py" "$swiftlet" "${E2E_RESTORES:-200}"
status_is 0
active && echo "    $(cat stdout)"

claim "HOSTILE 17: the clock of a restored job shows the time of its run"
run "$swiftlet" template create clock -q -- sh -c "date -s 2001-01-01 >/dev/null; $ask; date +%s"
status_is 0
active && before=$(date +%s)
run "$swiftlet" run --template clock
status_is 0
active && { now=$(cat stdout); { [ "$now" -ge "$before" ] && [ "$now" -le "$(($(date +%s) + 1))" ]; } || fail "$now is not now"; }

claim "HOSTILE 17: what a job writes, in memory or files, is not in the template"
run "$swiftlet" template create clean -q -- sh -c "echo 1 >/tmp/count; $ask; cat /tmp/count; echo 2 >/tmp/count; cat /tmp/count"
status_is 0
active && cp "$(file_of clean)" saved
for round in 1 2; do
  run "$swiftlet" run --template clean
  stdout_is 1 2
done
same "$(file_of clean)" saved

claim "HOSTILE 17: damaged, truncated and foreign templates are refused with the reason, and no guest runs"
run "$swiftlet" template create victim -q -- sh -c "$ask; echo ran"
status_is 0
active && cp "$(file_of victim)" whole
refused() { # REASON
  run "$swiftlet" run --template victim
  status_is 125
  stdout_is
  stderr_says "$1"
  stderr_is_one_line
  active && cp whole "$(file_of victim)"
}
# put BYTES OFFSET: changes the template.
put() { active && printf "$1" | dd of="$(file_of victim)" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
put 'X' 0; refused "is not a template"
put '\377' 8; refused "has format 255"
put '\377' 20; refused "its header has another checksum"
put '\377' 200; refused "its header has another checksum"
put '\377' 4070; refused "its header has another checksum"
put 'X' $((2097152 + 1048576 + 64)); refused "its memory has another checksum"
put 'X' $((2097152 + 200 * 1048576)); refused "its memory has another checksum"
active && : >"$(file_of victim)"; refused "truncated"
active && head -c 4000 whole >"$(file_of victim)"; refused "truncated"
active && head -c 5000000 whole >"$(file_of victim)"; refused "truncated"
active && printf x >>"$(file_of victim)"; refused "is damaged"
active && head -c 8192 /dev/zero >"$(file_of victim)"; refused "is not a template"
active && rm "$(file_of victim)" && mkdir "$(file_of victim)"; run "$swiftlet" run --template victim; status_is 125; stderr_says "not a regular file"
active && rmdir "$(file_of victim)" && mkfifo "$(file_of victim)"; run "$swiftlet" run --template victim; status_is 125; stderr_says "not a regular file"
active && rm "$(file_of victim)" && cp whole "$(file_of victim)"
run "$swiftlet" run --template victim
status_is 0
stdout_is ran

claim "HOSTILE 17: a template of another kernel, image or swiftlet-vmm is refused with the reason"
tiny_only "it changes that kernel's file"
run "$swiftlet" template create parts -q -- sh -c "$ask; echo ran"
status_is 0
active && mkdir bin && cp "$E2E_BIN/swiftlet" "$E2E_BIN/swiftlet-vmm" "$E2E_BIN/swiftlet-kernel" bin
run bin/swiftlet run --template parts
status_is 0
stdout_is ran
active && printf x >>bin/swiftlet-kernel
run bin/swiftlet run --template parts
status_is 125
stderr_says "is not the one it was saved with"
# The machine that was just answered for may run yet: its program is not written to, it is replaced.
active && cp "$E2E_BIN/swiftlet-kernel" bin && cp bin/swiftlet-vmm other && printf x >>other && mv other bin/swiftlet-vmm
run bin/swiftlet run --template parts
status_is 125
stderr_says "of another version"

claim "HOSTILE 17: a forged guest with every checksum right is a hostile guest, and no more"
needs python3
run "$swiftlet" template create forged -q -m 32M -- sh -c "$ask; echo ran"
status_is 0
active && cp "$(file_of forged)" whole
for what in 0 244 204 255 random stack; do
  active && cp whole "$(file_of forged)" && python3 "$E2E_DIRECTORY/templates/forge.py" "$(file_of forged)" $what
  run "$swiftlet" run --template forged --timeout 5s --meta meta.json
  status_is_not 0
  active && case $(meta reason) in guest_panic | wall_timeout | protocol_error | guest_hang) ;; *) fail "forged with $what: reason $(meta reason)" ;; esac
  run "$swiftlet" run -- echo honest
  status_is 0
  stdout_is honest
done

claim "no template is made of a secret"
echo secret >key
run "$swiftlet" template create leak --in-secret key -- sh -c "$ask"
status_is 2
stderr_says "every job from the template would have the secret"
absent "$(file_of leak)"
run "$swiftlet" run --template shell --in-secret key:/job/key -- a
status_is 3

claim "a program that ends without asking makes no template, and its status is said"
run "$swiftlet" template create none -- sh -c 'exit 4'
status_is 4
stderr_says "before it asked for its checkpoint"
absent "$(file_of none)"
run "$swiftlet" template create none -- true
status_is 125

claim "a checkpoint that nobody makes a template of is ENODEV, also in a restored job and the second time"
run "$swiftlet" run -- cat /dev/checkpoint
status_is 1
stderr_says "No such device"
run "$swiftlet" template create twice -q -- sh -c "$ask; cat /dev/checkpoint"
status_is 0
run "$swiftlet" run --template twice
status_is 1
stderr_says "No such device"

claim "what a template has decided cannot be given again"
for option in "--memory 64M" "--image base" "--kernel tiny" "--disk 1M" "--root-transport block" "-e A=1" "-w /" "-u 1" "-t"; do
  run "$swiftlet" run --template shell $option -- a
  status_is 2
  stderr_says "template shell"
done

claim "jobs of a batch go on from a template, each with arguments and input of its own"
run "$swiftlet" template create batch -q -- sh -c "$ask; read -r line; echo \"\$words\$line\"; exit 4"
status_is 0
cat >jobs <<'END'
{"template": "batch", "command": ["one", "two"], "stdin": "first\n"}
{"template": "batch", "stdin": "second\n"}
{"template": "batch", "memory": "64M", "command": ["x"]}
{"template": "nothing", "command": ["x"]}
{"command": ["echo", "booted"]}
END
# Without a kernel of the whole batch: a template has its own.
run "$E2E_BIN/swiftlet" batch jobs
stdout_says '"text":"one two first\n"'
stdout_says '"text":"second\n"'
stdout_says '"text":"booted\n"'
stdout_says 'template batch has its own'
stdout_says 'no template \"nothing\"'

claim "templates are listed and removed, and a name is taken once"
run "$swiftlet" template create listed -q -- sh -c "$ask"
run "$swiftlet" template create listed -q -- sh -c "$ask"
status_is 125
stderr_says "is there already"
run "$swiftlet" template ls
stdout_says "listed "
run "$swiftlet" template ls --json
stdout_says '"name":"listed","kind":"program","image":"base"'
run "$swiftlet" template rm listed
status_is 0
absent "$(file_of listed)"
run "$swiftlet" run --template listed
status_is 125
stderr_says 'no template "listed"'
for name in ../evil a/b .hidden ''; do
  run "$swiftlet" run --template "$name" -- a
  status_is_not 0
  stdout_is
done

claim "a variable for a template without a command would have no effect, and is refused"
run "$swiftlet" template create no-program -e A=b
status_is 2
stderr_says --env
