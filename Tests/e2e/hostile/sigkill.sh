# SIGKILL at random moments (HOSTILE 21, the kill path): sigkill.py kills one of our processes at 50 moments, from its job's
# spawn to the end of the VM's teardown, and prints its seed. E2E_KILLS: so many moments.

# killed VICTIM [MOMENTS]
killed() {
  needs python3 disk
  run python3 -B "$E2E_DIRECTORY/hostile/sigkill.py" "$swiftlet" "$E2E_EVIL" "$1" "${E2E_KILLS:-${2:-50}}"
  active && cat stdout
  status_is 0
}

claim "HOSTILE 21: kill path: a VMM killed at any moment is vmm_error or start_failed, and nothing is left after a second"
killed run-vmm

claim "HOSTILE 21: kill path: a launcher killed at any moment leaves no VM, no half file, nothing after a second"
killed run

claim "HOSTILE 21: kill path: a batch's VMM killed at any moment costs one job, and the others are right"
killed batch-vmm

claim "HOSTILE 21: kill path: a batch killed at any moment leaves no VM, no half file, nothing after a second"
killed batch

claim "HOSTILE 21: kill path: a batch killed at any moment while it starts eight machines at once leaves none, nothing after a second"
killed batch-start 100

claim "HOSTILE 21: kill path: with prepared machines, a VMM killed at any moment costs one job at most, and the others are right"
killed batch-shells-vmm

claim "HOSTILE 21: kill path: a batch with prepared machines killed at any moment leaves no VM, no half file, nothing after a second"
killed batch-shells

claim "HOSTILE 21: kill path: a pool's VMM killed at any moment is the vmm_error of its job, or no job's"
killed pool-vmm

claim "HOSTILE 21: kill path: a pool killed at any moment leaves no VM, no half file, and its job says what happened"
killed pool

claim "HOSTILE 21: kill path: a launcher on a pool's machine killed at any moment leaves no VM, no half file, nothing after a second"
killed pool-run
