# Damaged files: they may fail their job, never the VMM, and never look like success.

claim "HOSTILE 16: 200 damaged root images: no job looks like success, no VMM breaks"
needs python3
run python3 "$E2E_DIRECTORY/hostile/damaged.py" "$swiftlet" "$E2E_STORE" image 200
status_is 0
stdout_says exited

claim "HOSTILE 26: 200 damaged programs: no job looks like success, no VMM breaks"
needs python3
run python3 "$E2E_DIRECTORY/hostile/damaged.py" "$swiftlet" "$E2E_STORE" program 200
status_is 0
stdout_says start_failed
