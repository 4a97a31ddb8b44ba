// Random register files before each way into the kernel: whatever a program leaves in its registers and flags may end that program
// with a signal, and nothing else. Every round sets all registers, RSP and the flags at random (edges included: not canonical,
// the kernel's region, the end of the lower half), executes one instruction that enters the kernel, and takes itself up again
// from a handler on a stack of its own, or behind the system call. Prints how many rounds came back; a round that does not is
// a hang. Usage: registers ROUNDS SEED
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static uint64_t state;
static uint64_t next(void) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state * 0x2545F4914F6CDD1DULL; }

// What the assembly loads: 15 registers, RSP, RFLAGS. Where it comes back to.
struct file { uint64_t r[15], rsp, flags; } file;
uint64_t saved[8];
void enter_syscall(void), enter_breakpoint(void), enter_undefined(void), enter_divide(void), enter_load(void), enter_store(void),
    enter_jump(void), enter_push(void), come_back(void);
static void (*const ways[])(void) = {enter_syscall, enter_breakpoint, enter_undefined, enter_divide, enter_load, enter_store, enter_jump, enter_push};
#define WAYS (sizeof ways / sizeof *ways)

__asm__(
    ".macro load_all\n"
    "  mov %rbx, saved(%rip)\n mov %rbp, saved+8(%rip)\n mov %r12, saved+16(%rip)\n mov %r13, saved+24(%rip)\n"
    "  mov %r14, saved+32(%rip)\n mov %r15, saved+40(%rip)\n mov %rsp, saved+48(%rip)\n"
    "  mov file+8(%rip), %rbx\n mov file+16(%rip), %rcx\n mov file+24(%rip), %rdx\n mov file+32(%rip), %rsi\n"
    "  mov file+40(%rip), %rdi\n mov file+48(%rip), %rbp\n mov file+56(%rip), %r8\n mov file+64(%rip), %r9\n"
    "  mov file+72(%rip), %r10\n mov file+80(%rip), %r11\n mov file+88(%rip), %r12\n mov file+96(%rip), %r13\n"
    "  mov file+104(%rip), %r14\n mov file+112(%rip), %r15\n mov file(%rip), %rax\n"
    "  pushq file+128(%rip)\n popfq\n mov file+120(%rip), %rsp\n"
    ".endm\n"
    ".text\n"
    "enter_syscall: load_all\n syscall\n jmp come_back\n"
    "enter_breakpoint: load_all\n int3\n jmp come_back\n"
    "enter_undefined: load_all\n ud2\n jmp come_back\n"
    "enter_divide: load_all\n divq zero(%rip)\n jmp come_back\n"
    "enter_load: load_all\n mov (%rax), %rbx\n jmp come_back\n"
    "enter_store: load_all\n lock incq (%rbx)\n jmp come_back\n"
    "enter_jump: load_all\n jmp *%rcx\n"
    "enter_push: load_all\n push %rax\n jmp come_back\n"
    "come_back: mov saved+48(%rip), %rsp\n pushq $2\n popfq\n"
    "  mov saved(%rip), %rbx\n mov saved+8(%rip), %rbp\n mov saved+16(%rip), %r12\n mov saved+24(%rip), %r13\n"
    "  mov saved+32(%rip), %r14\n mov saved+40(%rip), %r15\n ret\n"
    ".data\n zero: .quad 0\n .text\n");

static unsigned long signals;
static void handler(int number, siginfo_t *info, void *context) {
  (void)number, (void)info;
  ucontext_t *c = context;
  signals++;
  c->uc_mcontext.gregs[REG_RIP] = (long long)come_back;
  c->uc_mcontext.gregs[REG_RSP] = (long long)saved[6];
  c->uc_mcontext.gregs[REG_EFL] = 2;
}

static uint64_t top;   // of what a program may map
static uint64_t word(void) {
  static const uint64_t edges[] = {0, 1, 8, 0xFFF, 0x7FFFFFFFFFFF, 0x800000000000, 0x7FFFFFFFFFFE, 0xFFFF800000000000, ~0ULL, ~7ULL,
                                   0x7F8001000000, 0x7F9000001000, 0x7FFFFFFFF000, 0xFFFFFFFF80000000, 0xFFFFFFFF80001000, 0xFFFFFFFFFF600000};
  switch (next() % 6) {
    case 0: return edges[next() % (sizeof edges / sizeof *edges)];
    case 1: return top - 16 + next() % 32;                       // around the end
    case 2: return next() & 0x7FFFFFFFFFFF;
    case 3: return (uint64_t)&file + next() % 4096;
    case 4: return next() % 0x10000;
    default: return next();
  }
}

static uint64_t end_of_memory(void) {
  uint64_t low = 0x10000, high = 1ULL << 47;
  while (high - low > 4096) {
    uint64_t middle = (low + (high - low) / 2) & ~4095ULL;
    void *p = mmap((void *)middle, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p == (void *)middle) munmap(p, 4096);
    // What is taken is below the end as well: EEXIST.
    if (p == (void *)middle || access("/", F_OK) != 0) low = middle;
    else if (mprotect((void *)middle, 4096, PROT_NONE) == 0) low = middle;
    else high = middle;
  }
  return high;
}

int main(int count, char **words) {
  unsigned long rounds = count > 1 ? strtoul(words[1], 0, 0) : 1000, back = 0;
  state = count > 2 ? strtoull(words[2], 0, 0) * 2 + 1 : 1;
  top = end_of_memory();
  stack_t stack = {.ss_sp = mmap(0, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = 1 << 18};
  sigaltstack(&stack, 0);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  int all[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGSYS};
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) sigaction(all[i], &action, 0);

  // A `syscall` as the last two bytes that a program can have.
  uint8_t *last = mmap((void *)(top - 8192), 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (last == (uint8_t *)(top - 8192)) {
    last[8190] = 0x0F, last[8191] = 0x05;
    file = (struct file){.r = {39, 0, (uint64_t)last + 8190}, .rsp = top, .flags = 2};
    enter_jump();
    printf("at the end: %lu signal\n", signals);
  }
  signals = 0;
  static const uint64_t harmless[] = {39, 110, 102, 186, 9999, 0xFFFFFFFF, 335, 24};
  for (unsigned long i = 0; i < rounds; i++) {
    unsigned way = next() % WAYS;
    for (int k = 0; k < 15; k++) file.r[k] = word();
    file.rsp = word();
    // Everything a program may set: carry … overflow, direction, trap, nested task, alignment check, ID.
    file.flags = (next() & 0x244DD5) | 2;
    if (next() % 4) file.flags &= ~0x100ULL;
    if (ways[way] == enter_syscall) file.r[0] = harmless[next() % 8];
    // A program that runs the kernel's code, or pushes and stores on its own data, is another test's.
    if (ways[way] == enter_jump && file.r[2] >= (uint64_t)&file && file.r[2] < (uint64_t)&file + 4096) file.r[2] = 8;
    if ((ways[way] == enter_push || ways[way] == enter_store) && file.r[1] - (uint64_t)&file < 8192) file.r[1] = 0;
    if (ways[way] == enter_push && (file.rsp - (uint64_t)&file < 8192 || (file.rsp >= top && file.rsp < 1ULL << 47))) file.rsp = 8;
    if (ways[way] == enter_store && file.r[1] >= top && file.r[1] < 1ULL << 47) file.r[1] = ~0ULL;
    if (ways[way] == enter_jump && file.r[2] >= top && file.r[2] < 1ULL << 47) file.r[2] = top;
    ways[way]();
    back++;
  }
  printf("%lu of %lu rounds came back\n", back, rounds);
  return back != rounds || signals == 0;
}
