# A job that takes all there is of one thing in 64 MB: it is refused, or a program is ended; the guest kernel does not panic.

exhausts() { # WHAT
  claim "HOSTILE 26: a job that takes all it can get of: $1"
  needs python
  run "$swiftlet" run -m 64M --timeout 60s --image python --in "$E2E_DIRECTORY/hostile/exhaust.py:/job/exhaust.py" --meta meta.json \
    -- python3 /job/exhaust.py "$1"
  active && case $(meta reason) in exited | out_of_memory) ;; *) fail "reason '$(meta reason)': $(meta message)" ;; esac
}

exhausts page_tables
exhausts areas
exhausts processes
exhausts full_pipes
exhausts descriptors
exhausts files
exhausts sockets
exhausts arguments
exhausts shared_memory
exhausts hog
active && { grep -q 'hog -9' stdout || fail "the process that took the memory is not the one that was ended"; }
