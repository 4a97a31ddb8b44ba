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

claim "HOSTILE 19: an existing output is replaced as a whole, through no link of the host"
slow linux
echo precious >precious; ln -s precious result
run "$swiftlet" run --out /job/r:result -- sh -c 'mkdir -p /job; echo new >/job/r'
status_is 0
equal "$(cat precious)" precious "the file behind the link"
equal "$(cat result)" new result

claim "HOSTILE 19: a timed-out job leaves no half-written output"
run "$swiftlet" run --timeout $brief --out /job/r:result -- sh -c 'mkdir -p /job; echo half >/job/r; sleep 60'
status_is 124
absent result
