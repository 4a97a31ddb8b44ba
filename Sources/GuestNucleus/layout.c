// Checks that the offsets which the assembly uses are those of the structures which Swift uses. C because neither of the
// two can see the other.
#include "nucleus.h"
#include <stddef.h>

#define REGISTER_AT(field, offset) _Static_assert(offsetof(struct program_registers, field) == (offset), #field)
REGISTER_AT(rcx, REGISTERS_RCX);
REGISTER_AT(r11, REGISTERS_R11);
REGISTER_AT(rdi, REGISTERS_RDI);
REGISTER_AT(system_call, REGISTERS_SYSTEM_CALL);
REGISTER_AT(rip, REGISTERS_RIP);
REGISTER_AT(cs, REGISTERS_CS);
REGISTER_AT(rflags, REGISTERS_RFLAGS);
REGISTER_AT(rsp, REGISTERS_RSP);
REGISTER_AT(ss, REGISTERS_SS);
_Static_assert(sizeof(struct program_registers) == REGISTERS_BYTES, "size of program_registers");

#define STATE_AT(field, offset) _Static_assert(offsetof(struct processor_state, field) == (offset), #field)
STATE_AT(stack_top, PROCESSOR_STACK_TOP);
STATE_AT(program_stack, PROCESSOR_PROGRAM_STACK);
STATE_AT(pending_interrupt, PROCESSOR_PENDING_INTERRUPT);
STATE_AT(fault_address, PROCESSOR_FAULT_ADDRESS);
STATE_AT(checkpoint_stack, PROCESSOR_CHECKPOINT_STACK);
STATE_AT(task_state, PROCESSOR_TASK_STATE);
STATE_AT(waiting, PROCESSOR_WAITING);
STATE_AT(page_fault, PROCESSOR_PAGE_FAULT);
STATE_AT(divide_error, PROCESSOR_DIVIDE_ERROR);
STATE_AT(system_call, PROCESSOR_SYSTEM_CALL);
STATE_AT(interrupt, PROCESSOR_INTERRUPT);
STATE_AT(probe, PROCESSOR_PROBE);
STATE_AT(noted, PROCESSOR_NOTED);
STATE_AT(served_later, PROCESSOR_SERVED_LATER);
_Static_assert(offsetof(struct interrupt_return, rip) == RETURN_RIP, "rip");
_Static_assert(offsetof(struct interrupt_return, rsp) == RETURN_RSP, "rsp");
