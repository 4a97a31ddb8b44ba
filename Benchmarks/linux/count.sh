#!/bin/sh
# count.sh NAME COMMAND [ARG...]: in the lab, runs a VMM under the tracer of the lab's KVM; appends NAME, the events and END to the
# disk for results. The clock of the events is the processor's, which the lab (-i) makes a count of instructions.
name=$1; shift
trace=/sys/kernel/tracing
[ -d $trace/events ] || mount -t tracefs tracefs $trace || exit 1
echo 0 >$trace/tracing_on
echo 65536 >$trace/buffer_size_kb
echo x86-tsc >$trace/trace_clock
for event in kvm_entry kvm_exit kvm_pio kvm_cpuid kvm_userspace_exit; do echo 1 >$trace/events/kvm/$event/enable || exit 1; done
echo >$trace/trace
echo 1 >$trace/tracing_on
timeout "${COUNT_SECONDS:-300}" "$@" >/tmp/out 2>&1 </dev/null
status=$?
echo 0 >$trace/tracing_on
echo "$name: status $status, $(grep -c kvm_exit $trace/trace) exits"
head -c 2000 /tmp/out
{ echo "BEGIN $name"; cat $trace/trace; echo "END $name $status"; } >>/tmp/trace-text
