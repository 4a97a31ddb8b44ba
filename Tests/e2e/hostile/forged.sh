# What a program can make its job's result say: it sends the report itself, on its kernel's own connections (boundary/forge.c). Field by
# field, that the host takes as the guest's word what docs/protocol.md and docs/security.md say it does, marked as such, and nothing else.

# forge [OPTION...] -- WORD...: a job that forges.
forge() {
  tiny_only "it is tiny's devices that programs can reach"
  [ -e "$E2E_FIXTURES/forge" ] || skip "no C compiler made forge here"
  options=
  while [ "$1" != -- ]; do options="$options $1"; shift; done
  shift
  # shellcheck disable=SC2086
  run "$swiftlet" run -m 64M --timeout 20s --meta meta.json $options --in "$E2E_FIXTURES/forge" -- ./forge "$@"
}
refused() { # WHY
  status_is 125
  reason_is protocol_error
  stderr_says "$1"
}
is_claimed() { active && { grep -q "\"claimed_by_guest\" *:.*\"$1\"" meta.json || fail "$1 is not said to be claimed by the guest"; }; return 0; }

claim "HOSTILE 27: a forged exit status is the job's word, as its own exit is; one that no process has is none"
forge -- code=0 done
status_is 0
reason_is exited
forge -- code=7 done
status_is 7
reason_is exited
is_claimed exit_code
forge -- kind=1 code=11 done
status_is 139
reason_is signaled
is_claimed signal
forge -- code=256 done
refused "exit code 256"
forge -- kind=1 code=65 done
refused "signal 65"
forge -- kind=3 done
refused "a bad value"
next_is_fine

claim "HOSTILE 27: forged usage is shown as claimed by the guest, beside what the host measured, and decides nothing"
forge --cpu-time 10s -- user=18446744073709551615 sys=1000000 rss=18446744073709551615 faults=1 calls=2 processes=3 writes=4 done
status_is 0
reason_is exited
equal "$(meta user) $(meta sys) $(meta max_rss)" "18446744073709551 1000 18446744073709551615" "what it says"
equal "$(meta page_faults) $(meta system_calls) $(meta processes) $(meta page_table_writes)" "1 2 3 4" "what it counts"
for name in user sys max_rss page_faults system_calls processes page_table_writes; do is_claimed usage.$name; done
at_most "$(meta cpu)" 20000000 "the host's own measure of processor time"
at_most "$(meta wall)" 20000000 "the host's own measure of time"
next_is_fine

claim "HOSTILE 27: a program that reports no usage at all is stopped by the host's clocks"
forge --cpu-time 300ms -- streams exited spin
status_is 124
reason_is cpu_timeout
equal "$(meta measured_by)" host "who measured"
forge --timeout 1s -- streams exited spin
status_is 124
reason_is wall_timeout
equal "$(meta measured_by)" host "who measured"
next_is_fine

claim "HOSTILE 27: a forged out_of_memory is a failure of another name, by the guest's word"
forge -- kind=2 rss=4096 done
status_is 137
reason_is out_of_memory
equal "$(meta measured_by) $(meta measured)" "guest 4096" "evidence"
forge -- 'panic=out of kernel memory'
status_is 137
reason_is out_of_memory
equal "$(meta measured_by)" guest "who measured"
forge -- 'panic=all is well'
status_is 125
reason_is guest_panic
next_is_fine

claim "HOSTILE 27: a forged pids_limit needs a limit and a failure, and is the guest's word"
forge --pids 10 -- refused=5 code=1 done
status_is 1
reason_is pids_limit
equal "$(meta limit) $(meta measured_by) $(meta measured)" "pids guest 5" "evidence"
forge -- refused=5 code=1 done
status_is 1
reason_is exited
forge --pids 10 -- refused=5 code=0 done
status_is 0
reason_is exited
next_is_fine

claim "HOSTILE 27: a forged disk_full needs a disk and a failure, and is the guest's word"
needs disk
forge --disk 16M -- full=9 code=1 done
status_is 1
reason_is disk_full
equal "$(meta limit) $(meta measured_by) $(meta measured)" "disk guest 9" "evidence"
forge -- full=9 code=1 done
status_is 1
reason_is exited
forge --disk 16M -- full=9 code=0 done
status_is 0
reason_is exited
next_is_fine

claim "HOSTILE 27: forged lists of what the kernel lacks are shown as its word, bounded, each thing once, without control characters"
forge -- unsupported=2 ioctls=2 missing=1 done
status_is 0
equal "$(meta read) $(meta write)" "18446744073709551615 18446744073709551615" "counts"
for name in unsupported_syscalls unsupported_ioctls missing_kernel_files; do is_claimed $name; done
active && LC_ALL=C grep -q "$(printf '\033')" meta.json && fail "an escape sequence in the result"
forge -- unsupported=1025 done
refused "too many unsupported system calls"
forge -- ioctls=257 done
refused "too many unsupported ioctls"
forge -- missing=257 done
refused "too many missing files"
forge -- unsupported=1 unsupported=1 done
refused "twice"
next_is_fine

claim "HOSTILE 27: the nonce says which boot a report is of, and any program of that boot can say it: another one is refused"
forge -- nonce=0 done
status_is 0
forge -- nonce=1 done
refused "another boot"
next_is_fine

claim "HOSTILE 27: output that a forged report claims must have arrived, whoever sent it"
forge -- print out=7 done
status_is 0
stdout_is forged
forge -- out=7 done
refused "7 bytes of standard output, 0 arrived"
forge -- print out=0 done
refused "0 bytes of standard output, 7 arrived"
next_is_fine

claim "HOSTILE 27: a forged report comes once, whole and in order"
forge -- streams exited exited finished end off
refused "exited out of order"
forge -- streams exited end off
refused "powered off without reporting"
forge -- exited finished end off
refused "powered off without reporting"
forge -- hello done
refused "hello out of order"
forge -- resumed=7 done
refused "resumed out of order"
next_is_fine

claim "HOSTILE 27: no job is taken for a template: a checkpoint's message is refused, its command does nothing"
forge -- streams checkpoint=1 end save
refused "a checkpoint out of order"
forge -- save code=5 done
status_is 5
reason_is exited
next_is_fine

# forge_template NAME WORD...: a template's making that forges, in a store of its own.
store_of_its_own forged-store
forge_template() {
  tiny_only "it is tiny's devices that programs can reach"
  [ -e "$E2E_FIXTURES/forge" ] || skip "no C compiler made forge here"
  name=$1
  shift
  run env "SWIFTLET_HOME=$store" "$swiftlet" template create "$name" -q -m 64M --timeout 20s --in "$E2E_FIXTURES/forge" -- ./forge "$@"
}

claim "HOSTILE 27: a forged checkpoint makes a template only with its machine's, and in its own kind"
forge_template forged streams checkpoint=1 end off
status_is 125
stderr_says "powered off without reporting"
forge_template forged save
status_is 125
stderr_says "saved without saying what it is"
forge_template forged checkpoint=1 save
status_is 125
stderr_says "saved without saying what it is"
forge_template forged streams checkpoint=0 end save
status_is 125
stderr_says "a checkpoint out of order"
forge_template forged code=0 done
status_is 125
stderr_says "before it asked for its checkpoint"
absent "$store/templates/forged.template"

claim "HOSTILE 27: a template that a program made by itself is that program's word: its jobs end as failures, and the next job is fine"
forge_template forged streams checkpoint=1 end save
status_is 0
run env "SWIFTLET_HOME=$store" "$swiftlet" run --template forged --timeout 20s --meta meta.json
status_is_not 0
active && case $(meta reason) in guest_panic | protocol_error | wall_timeout) ;; *) fail "reason '$(meta reason)'" ;; esac
next_is_fine

claim "HOSTILE 27: in a restored machine a program can forge its own job's report, and not one of its template's boot"
forge_template honest ask code=4 done
status_is 0
run env "SWIFTLET_HOME=$store" "$swiftlet" run --template honest --timeout 20s --meta meta.json
status_is 4
reason_is exited
forge_template replay ask old code=0 done
status_is 0
run env "SWIFTLET_HOME=$store" "$swiftlet" run --template replay --timeout 20s --meta meta.json
refused "another boot"
next_is_fine
