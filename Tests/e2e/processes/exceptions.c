// What a handler is told of the processor's exceptions: si_code, si_addr, and the frame's trapno, err and cr2; and what it is
// told when a signal comes that is none, after page faults that nobody sees. Prints the same under Linux as in the guest.
// Run by processes.sh in both places.
#define _GNU_SOURCE
#include <fcntl.h>
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static char *base;
static volatile char sink;
static volatile double one = 1, zero = 0, huge = 1e308, tiny = 1e-308;
static volatile long double longOne = 1, longZero = 0;

static void tell(int signal, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const char *where = "elsewhere";
  char *address = info->si_addr, place[32];
  if (signal == SIGUSR1) where = "none";
  else if (!address) where = "0";
  else if ((greg_t)address == registers[REG_RIP]) where = "at the instruction";
  else if (address >= base && address < base + (16 << 12)) {
    snprintf(place, sizeof place, "base+%#lx", (long)(address - base));
    where = place;
  }
  long cr2 = registers[REG_CR2];
  if (cr2 >= (long)base && cr2 < (long)base + (16 << 12)) cr2 -= (long)base;
  printf("signal %d code %d address %s trapno %lld err %#llx cr2 %#lx\n", signal, info->si_code, where, registers[REG_TRAPNO],
         registers[REG_ERR], cr2);
  siglongjmp(back, 1);
}

// The exception, and a signal that is none after it and a page that was touched in between.
#define TRY(what, ...) do { \
    printf("%s: ", what); \
    if (!sigsetjmp(back, 1)) { __VA_ARGS__; printf("nothing\n"); } \
    char *fresh = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); \
    fresh[8] = 1; \
    printf("  then "); \
    if (!sigsetjmp(back, 1)) raise(SIGUSR1); \
    munmap(fresh, 4096); \
  } while (0)

static void memory(void) {
  base = mmap(0, 16 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(base + 0x1000, 0x1000);
  TRY("read of nothing", sink = base[0x1010]);
  TRY("write to nothing", base[0x1020] = 1);
  TRY("jump to nothing", ((void (*)(void))(base + 0x1030))());
  base[0x2000] = 1;
  mprotect(base + 0x2000, 0x1000, PROT_READ);
  TRY("write to what is to be read", base[0x2040] = 1);
  TRY("jump into data", ((void (*)(void))(base + 0x2050))());
  base[0x3000] = 1;
  mprotect(base + 0x3000, 0x1000, PROT_NONE);
  TRY("read of what is barred", sink = base[0x3060]);
  char name[] = "exceptionsXXXXXX";
  int file = mkstemp(name);
  unlink(name);
  mmap(base + 0x5000, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
  TRY("read behind a file's end", sink = base[0x5070]);
  TRY("write behind a file's end", base[0x5080] = 1);
  TRY("read of an address that is none", sink = *(volatile char *)0x8000000000001234);
  TRY("a stack that is none",
      __asm__ volatile("mov %%rsp, %%rbx; mov %0, %%rsp; pop %%rax" : : "r"(0x8000000000001230) : "rax", "rbx", "memory"));
}

static void arithmetic(void) {
  TRY("division by 0", { volatile int no = 0; sink = 5 / no; });
  fedisableexcept(FE_ALL_EXCEPT);
  int kinds[] = {FE_DIVBYZERO, FE_INVALID, FE_OVERFLOW, FE_UNDERFLOW, FE_INEXACT};
  for (int i = 0; i < 5; i++) {
    printf("kind %d ", i);
    TRY("of a vector's", {
      feclearexcept(FE_ALL_EXCEPT);
      feenableexcept(kinds[i]);
      volatile double result;
      if (i == 0) result = one / zero;
      if (i == 1) result = zero / zero;
      if (i == 2) result = huge * huge;
      if (i == 3) result = tiny * tiny;
      if (i == 4) result = one / 3;
      (void)result;
    });
    fedisableexcept(FE_ALL_EXCEPT);
    feclearexcept(FE_ALL_EXCEPT);
  }
  for (int i = 0; i < 2; i++) {
    printf("kind %d ", i);
    TRY("of the x87's", {
      feenableexcept(kinds[i]);
      volatile long double result = (i ? longZero : longOne) / longZero;
      __asm__ volatile("fwait");
      (void)result;
    });
    __asm__ volatile("fninit");
  }
}

static void instructions(void) {
  TRY("ud2", __asm__ volatile("ud2"));
  TRY("int3", __asm__ volatile("int3"));
  TRY("hlt", __asm__ volatile("hlt"));
  TRY("a step",
      __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; pushf; andl $~0x100, (%%rsp); popf" : : : "memory", "cc"));
  TRY("an alignment that is checked",
      __asm__ volatile("pushf; orl $0x40000, (%%rsp); popf; mov 1(%0), %%eax; pushf; andl $~0x40000, (%%rsp); popf"
                       : : "r"(base) : "rax", "memory", "cc"));
  __asm__ volatile("pushf; andl $~0x40000, (%%rsp); popf" : : : "memory", "cc");
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  static char stack[1 << 16];
  stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&other, 0);
  struct sigaction action = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGUSR1};
  for (int i = 0; i < 6; i++) sigaction(signals[i], &action, 0);
  memory();
  arithmetic();
  instructions();
  return 0;
}
