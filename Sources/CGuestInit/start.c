// Where the kernel enters process 1. Assembly, because there is no function yet that could be called.
#ifdef SWIFTLET_GUEST
__asm__(
    ".section .text._start,\"ax\"\n"
    ".globl _start\n"
    "_start:\n"
    "  xorl %ebp, %ebp\n"
    "  andq $-16, %rsp\n"
    "  call guest_init_main\n"
    "  ud2\n"
    ".text\n");
#endif
