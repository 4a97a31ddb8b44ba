# Much of everything in one job, beside the same under bubblewrap.
. "$E2E_BUBBLEWRAP_DIRECTORY/bubblewrap.sh"

stress() { # CLAIM WHAT MEMORY ANSWER
  claim "$1"
  case $2 in generations | open_close | memory) slow host ;; esac   # of those that take long, the first and `fork_large` stay
  same_as_bubblewrap --memory "$3" python stress.py -- python3 stress.py "$2"
  must_pass
  also_says "$2 $4"
}

stress "1,000 processes at once" processes 2G 1000
stress "500 generations of processes" generations 1G 1
stress "256 threads at once" threads 512M 25600
stress "100,000 times open and close" open_close 256M 0
stress "1 GiB of memory touched in random order" memory 2G '(0, 0)'
stress "forks of a process of 500 MB" fork_large 2G ''
stress "10,000 signals, 1,000 of them queued" signals 256M '(10000, 1000)'
stress "pipes full in both directions" pipes 256M True

claim "memory: reservations, protections, fixed addresses, mremap, madvise, mincore, shared and private files, 65,530 areas"
same_as_bubblewrap --memory 512M python memory.py -- python3 memory.py
must_pass

claim "addresses are drawn anew for each program: the stack, the heap, the program, its libraries"
same_as_bubblewrap python -- sh -c 'for i in 1 2 3 4; do
  grep -E "\[(stack|heap)\]|r--p 00000000 .*/(grep|libc.so.6)$" /proc/self/maps | cut -d- -f1; done | sort -u | wc -l'
must_pass
also_says 16
