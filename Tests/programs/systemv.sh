# System V interprocess communication, as databases use it.

claim "Perl: shared memory, semaphores with undo and message queues between processes, as on this host"
if [ ! -e "$E2E_STORE/images/perl" ]; then skip "no perl image here"; fi
run "$swiftlet" run --image perl --in "$E2E_DIRECTORY/../programs/systemv/ipc.pl:/job/ipc.pl" -- perl ipc.pl
status_is 0
active && ! grep -v '^ok' stdout && stdout_says "twenty through a queue for four: 80000"
