# The boundary between a program and its own guest kernel, which are in one address space (HOSTILE §27, §28): what a program leaves in
# its registers ends that program at the most; a program that writes over its kernel ends its job, and nothing else.

needs_programs() { [ -e "$E2E_FIXTURES/$1" ] || skip "no C compiler made $1 here"; }

for seed in 1 2; do
  claim "HOSTILE 28: 5,000 random register files before syscall, int3, ud2, a division, faults and jumps: each comes back (seed $seed)"
  needs_programs registers
  run "$swiftlet" run --timeout 100s --in "$E2E_FIXTURES/registers" -- ./registers 5000 $seed
  status_is 0
  stdout_says "5000 of 5000 rounds came back"
done

claim "HOSTILE 28: a syscall in the last two bytes that a program can have is SIGSEGV"
needs_programs registers
run "$swiftlet" run --in "$E2E_FIXTURES/registers" -- ./registers 10
stdout_says "at the end: 1 signal"

for how in all back window code tables random report; do
  claim "HOSTILE 27: a program that writes over its guest kernel ($how) ends its own job, never as a success, and the next job is fine"
  tiny_only "it is tiny's kernel that programs can reach"
  needs_programs overwrite
  run "$swiftlet" run -m 64M --timeout 5s --meta meta.json --in "$E2E_FIXTURES/overwrite" -- ./overwrite $how
  stdout_says reached
  status_is_not 0
  status_is_not 4
  next_is_fine
done

claim "interrupts come to a program that does nothing but system calls, and between them, as they are set: none is lost"
needs_programs interrupts
run "$swiftlet" run --timeout 100s --in "$E2E_FIXTURES/interrupts" -- ./interrupts "${E2E_INTERRUPTS:-5000}"
status_is 0
stdout_is "${E2E_INTERRUPTS:-5000} alarms"

claim "interrupts that meet the kernel are noted, all of them served when it has done its work, and none inside it"
tiny_only "it counts them"
needs_programs interrupts
needs_programs processor-state
run "$swiftlet" run --timeout 100s --in "$E2E_FIXTURES/interrupts" -- ./interrupts "${E2E_INTERRUPTS:-5000}" "$(cat "$E2E_FIXTURES/processor-state")"
status_is 0
stdout_is "${E2E_INTERRUPTS:-5000} alarms" "noted in the kernel, served later"

claim "the kernel's region is no program's: not in maps, not for mmap, MAP_FIXED, mincore, mprotect, nor as a pointer"
tiny_only "the addresses are tiny's"
needs_programs region
run "$swiftlet" run --in "$E2E_FIXTURES/region" -- ./region
status_is 0
stdout_is hidden
