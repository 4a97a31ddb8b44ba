# Killers among good jobs (HOSTILE 26): killers.py runs them all, in a random order whose seed it prints; the claims after
# the first read what it has found. E2E_KILLERS: so many jobs (120); from 500 on with those killers that take a minute.

claim "HOSTILE 26: killers among good jobs: every good job is right, every killer told apart, nothing is left"
needs python3 python disk
active && E2E_GUARD=$((E2E_GUARD * 10))
run python3 -B "$E2E_DIRECTORY/hostile/killers.py" "$swiftlet" "$E2E_EVIL" "${E2E_KILLERS:-120}"
[ ! -e stdout ] || cp stdout "$E2E_WORK/killers"
active && cat stdout
status_is 0

# killer NAME: of all there were, each has ended as it must.
killer() {
  needs python3 python disk
  [ -e "$E2E_WORK/killers" ] || skip "needs the claim that runs them all"
  active || return 0
  grep -qE "^killer $1: ([0-9]+) of \1: " "$E2E_WORK/killers" || fail "$(grep "^killer $1:" "$E2E_WORK/killers")"
}

claim "HOSTILE 26: killer: a fork bomb that is never refused for good is ended by its time limit"
killer fork-bomb
claim "HOSTILE 26: killer: forks without end against --pids are pids_limit"
killer fork-limit
claim "HOSTILE 26: killer: memory taken page by page is out_of_memory"
killer page-by-page
claim "HOSTILE 26: killer: a mapping of 1 TiB is refused to the job"
killer terabyte
claim "HOSTILE 26: killer: 10 GB of output are output_limit"
killer output
claim "HOSTILE 26: killer: output that nobody reads is held back until the time limit"
killer unread-output
claim "HOSTILE 26: killer: standard input that the job never reads does not keep it"
killer unread-stdin
claim "HOSTILE 26: killer: a background child that keeps standard output open ends with its job"
killer keeps-stdout
claim "HOSTILE 26: killer: ignoring SIGTERM does not help against the time limit"
killer ignores-sigterm
claim "HOSTILE 26: killer: computing without end is cpu_timeout"
killer burns-processor
claim "HOSTILE 26: killer: a busy loop with interrupts off is ended by its time limit"
killer interrupts-off
claim "HOSTILE 26: killer: writing to every device ends as the job says"
killer every-device
claim "HOSTILE 26: killer: a filled scratch disk is disk_full"
killer fills-disk
claim "HOSTILE 26: killer: a million files are refused by ENOSPC when memory is full"
killer million-files
claim "HOSTILE 26: killer: file names with newlines, escapes and invalid UTF-8"
killer wild-names
claim "HOSTILE 26: killer: two hundred directories deep"
killer deep-directory
claim "HOSTILE 26: killer: a triple fault is guest_panic, and called one"
killer triple-fault
claim "HOSTILE 26: killer: a kernel panic on purpose is guest_panic, with its message"
killer panic
claim "HOSTILE 26: killer: a power-off without a report is protocol_error"
killer no-report
claim "HOSTILE 26: killer: a forged report is protocol_error"
killer forged-report
claim "HOSTILE 26: killer: a frame without end is protocol_error"
killer endless-frame
claim "HOSTILE 26: killer: no vsock port from 0 to 2047 can be reached by the job"
killer every-port
claim "HOSTILE 26: killer: a clock set wrong is wrong in that VM alone"
killer sets-clock
claim "HOSTILE 26: killer: 4,096 threads against --pids are pids_limit"
killer threads
claim "HOSTILE 26: killer: an argument list of 2 MiB is E2BIG"
killer long-arguments
claim "HOSTILE 26: killer: a directory as program is start_failed, 126"
killer is-directory
claim "HOSTILE 26: killer: a script without interpreter is start_failed, 127"
killer no-interpreter
claim "HOSTILE 26: killer: a truncated ELF program is start_failed, 126"
killer cut-elf
claim "HOSTILE 26: killer: a 32-bit ELF program is start_failed, 126"
killer 32-bit-elf
claim "HOSTILE 26: killer: a program that is not there is start_failed, 127"
killer not-there
claim "HOSTILE 26: killer: a job that kills itself is signaled"
killer kills-itself
claim "HOSTILE 26: killer: a job that its caller ends is cancelled"
killer cancelled
