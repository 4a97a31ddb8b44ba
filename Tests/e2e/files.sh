# Files in, files out: content, mode, and no half-written file when something is wrong.

claim "--in brings a file with its content and its mode"
printf 'echo "from a script: $1"\n' >script.sh; sed -i '1i #!/bin/sh' script.sh; chmod 750 script.sh
run "$swiftlet" run --in script.sh:/job/script.sh -- sh -c 'stat -c %a /job/script.sh; /job/script.sh yes'
status_is 0
stdout_is 750 'from a script: yes'

claim "--in without a destination puts the file into the job's folder under its own name"
slow linux
echo content >plain.txt
run "$swiftlet" run --in plain.txt -- cat plain.txt
status_is 0
stdout_is content

claim "--out brings a file back with its content and its mode"
run "$swiftlet" run --out /job/result.json:./result.json -- sh -c 'mkdir -p /job; echo "{\"ok\": true}" >/job/result.json; chmod 640 /job/result.json'
status_is 0
echo '{"ok": true}' >expected-file
same result.json expected-file
equal "$(stat -c %a result.json)" 640 "mode of result.json"

claim "a file goes in, through the job and out, $((E2E_MEGABYTES / 10)) MB of it unchanged"
head -c $((E2E_MEGABYTES * 100000)) /dev/urandom >big
run "$swiftlet" run -m 256M --in big:/job/big --out /job/copy:copy -- cp /job/big /job/copy
status_is 0
same big copy

claim "an empty file goes in and comes out empty"
slow linux
: >empty
run "$swiftlet" run --in empty:/job/empty --out /job/copy:copy -- cp /job/empty /job/copy
status_is 0
same empty copy

claim "names with spaces and letters beyond ASCII are names like others"
slow linux
echo x >'a b ñ'
run "$swiftlet" run --in 'a b ñ:/job/c d ñ' --out '/job/c d ñ:back ñ' -- true
status_is 0
same 'a b ñ' 'back ñ'

claim "a hundred input files arrive, each with its own content"
i=0; set --
while [ $i -lt 100 ]; do echo "file $i" >"f$i"; set -- "$@" --in "f$i:/job/f$i"; i=$((i + 1)); done
run "$swiftlet" run "$@" -- sh -c 'cd /job && cat f* | sort | sha256sum; ls | wc -l'
status_is 0
stdout_is "$(cat f[0-9]* | sort | sha256sum)" 100

claim "--in brings a tree as deep as a path is long, with what stands at its bottom"
deep=$(i=0; while [ $i -lt 2030 ]; do printf /d; i=$((i + 1)); done)
active && { mkdir -p "tree$deep" && echo bottom >"tree$deep/f"; }
run "$swiftlet" run -m 512M --timeout 60s --in tree:/job/t -- cat "/job/t$deep/f"
status_is 0
stdout_is bottom
active && rm -rf tree

claim "a missing output file is a clear error and not an empty file"
run "$swiftlet" run --meta meta.json --out /job/missing.json:./missing.json -- true
status_is 125
stderr_says /job/missing.json
absent missing.json

claim "a job that fails and leaves no output keeps its own status"
slow linux
run "$swiftlet" run --meta meta.json --out /job/missing.json:./missing.json -- sh -c 'exit 3'
status_is 3
stderr_says /job/missing.json
absent missing.json

claim "a failed job's output file still comes back"
slow linux
run "$swiftlet" run --out /job/log:log -- sh -c 'mkdir -p /job; echo why >/job/log; exit 4'
status_is 4
equal "$(cat log 2>/dev/null)" why "log"

claim "HOSTILE 19: an output that is a directory is an error"
slow linux
run "$swiftlet" run --out /job/d:d -- mkdir -p /job/d
status_is 125
stderr_says /job/d
absent d

claim "HOSTILE 19: an output that is a symbolic link cannot name a file of the host"
run "$swiftlet" run --out /job/passwd:passwd -- sh -c 'mkdir -p /job; ln -s /etc/shadow-of-nobody /job/passwd'
status_is 125
absent passwd

claim "HOSTILE 19, 33: an existing output is replaced as a whole; a link to it is followed, as a shell's > follows it"
slow linux
echo precious >precious; ln -s precious result; ln precious other
run "$swiftlet" run --out /job/r:result -- sh -c 'mkdir -p /job; echo new >/job/r'
status_is 0
equal "$(cat precious)" new "the file behind the link"
equal "$(cat other)" precious "the file that it was"
active && [ ! -L result ] && fail "the link is gone"

claim "HOSTILE 33: a device, a FIFO and /dev/stdout are written to by --out and --meta, and are there afterwards"
active && { mkfifo pipe; cat pipe >piped & }
run "$swiftlet" run --out /job/r:/dev/stdout --out /job/r:pipe --meta /dev/null -- sh -c 'echo from the job; echo new >/job/r'
wait
status_is 0
stdout_is 'from the job' new
equal "$(cat piped)" new "what came through the FIFO"
active && { [ -p pipe ] && [ -c /dev/null ] && [ -L /dev/stdout ] || fail "a special file was replaced"; }

claim "HOSTILE 33: --out and --meta know - as the standard output, and make no file of that name"
run "$swiftlet" run -q --out /job/r:- --meta - -- sh -c 'printf "one " >/job/r'
status_is 0
stdout_says 'one {"status":'
absent ./-

claim "HOSTILE 33: a directory and a socket are refused for --meta, and a directory takes the file of --out under its own name"
mkdir folder
run "$swiftlet" run --meta folder -- true
status_is 125
stderr_says 'folder: is a directory'
run "$swiftlet" run --out /job/r:folder -- sh -c 'echo in >/job/r'
status_is 0
equal "$(cat folder/r)" in "folder/r"

claim "HOSTILE 33: an output has no more rights than the umask leaves"
run sh -c 'umask 077; "$1" run --out /job/r:r -- sh -c "echo x >/job/r; chmod 6777 /job/r"' sh "$swiftlet"
status_is 0
equal "$(stat -c %a r)" 700 "mode of r"

claim "HOSTILE 29: a directory of somebody else's whose file becomes a link meanwhile gives nobody's secrets away"
needs root
mkdir tree; head -c 60000000 /dev/zero >tree/a; echo mine >tree/b; echo secret >secret; chmod 600 secret
( sleep 0.03; ln -sfn ../secret tree/b ) &
run "$swiftlet" run -m 512M --in tree -- cat tree/b
wait
active && grep -q secret stdout && fail "the job has read another file"
# 1: the link itself has come in, and leads nowhere there.
active && case $status in 0) stdout_is mine ;; 1 | 125) stderr_says 'tree/b' ;; *) fail "status $status" ;; esac

claim "HOSTILE 29: a file of /proc comes in with its content"
run "$swiftlet" run --in /proc/version:v -- cat v
status_is 0
stdout_equals /proc/version

claim "HOSTILE 19: a timed-out job leaves no half-written output"
run "$swiftlet" run --timeout $brief --out /job/r:result -- sh -c 'mkdir -p /job; echo half >/job/r; sleep 60'
status_is 124
absent result
