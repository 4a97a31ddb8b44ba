// Signals, threads, waiting and timers as a program sees them: prints the same under Linux as in the guest. Run by processes.sh
// in both places.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <poll.h>
#include <sys/wait.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/resource.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <immintrin.h>
static pthread_mutex_t m; static int counter;
static void *worker(void *a) {
  for (int i = 0; i < 2000; i++) {
    pthread_mutex_lock(&m);
    int c = counter;
    if (i % 50 == 0) sched_yield();
    counter = c + 1;
    pthread_mutex_unlock(&m);
  }
  return 0;
}
static void *dier(void *a) {
  pthread_mutex_lock(&m);
  return 0;
}
static volatile int got[70], order[20000], n;
static void h(int s, siginfo_t *i, void *u) {
  got[s]++;
  if (s >= SIGRTMIN && n < 20000) order[n++] = i->si_value.sival_int;
}
static void on(int s, int flags) {
  struct sigaction a = {0};
  a.sa_sigaction = h;
  a.sa_flags = SA_SIGINFO | flags;
  sigaction(s, &a, 0);
}
static volatile int xok;
static void xh(int s, siginfo_t *i, void *uv) {
  ucontext_t *u = uv; unsigned char *f = (unsigned char *)u->uc_mcontext.fpregs;
  unsigned m1 = *(unsigned *)(f + 464), ext = *(unsigned *)(f + 468), sz = *(unsigned *)(f + 480);
  unsigned long long feat = *(unsigned long long *)(f + 472);
  unsigned m2 = *(unsigned *)(f + ext - 4);
  xok = m1 == 0x46505853 && m2 == 0x46505845 && (u->uc_flags & 1) && (feat & 4) && ext == sz + 4;
  *(double *)(f + 160) = 42.0; /* xmm0 */
  __asm__ volatile("vxorps %%ymm5,%%ymm5,%%ymm5" ::: "xmm5");
}
static void *blocked(void *a) {
  sigset_t s;
  sigfillset(&s);
  pthread_sigmask(SIG_BLOCK, &s, 0);
  usleep(300000);
  return 0;
}
static char alt[65536];
static volatile int onalt, disarmed;
static void ah(int s) {
  stack_t st;
  char c;
  onalt = &c >= alt && &c < alt + sizeof alt;
  sigaltstack(0, &st);
  disarmed = st.ss_flags;
}

// Mutexes with PTHREAD_PRIO_INHERIT, and robust ones.
static void owned_mutexes(void) {
  pthread_mutexattr_t at;
  pthread_mutexattr_init(&at);
  pthread_mutexattr_setprotocol(&at, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&m, &at);
  pthread_t t[8];
  for (int i = 0; i < 8; i++) pthread_create(t + i, 0, worker, 0);
  for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
  printf("pi %d\n", counter);
  pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&m, &at);
  pthread_create(t, 0, dier, 0);
  pthread_join(t[0], 0);
  int e = pthread_mutex_lock(&m);
  printf("robust pi %d\n", e == EOWNERDEAD);
  pthread_mutex_consistent(&m);
  pthread_mutex_unlock(&m);
  printf("again %d\n", pthread_mutex_lock(&m));
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  ts.tv_nsec += 50000000;
  if (ts.tv_nsec >= 1000000000) {
    ts.tv_sec++;
    ts.tv_nsec -= 1000000000;
  }
  pthread_mutexattr_init(&at);
  pthread_mutexattr_setprotocol(&at, PTHREAD_PRIO_INHERIT);
  pthread_mutexattr_settype(&at, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&m, &at);
  pthread_mutex_lock(&m);
  printf("self %d try %d\n", pthread_mutex_lock(&m) == EDEADLK, pthread_mutex_trylock(&m) == EBUSY);
}

// 10,000 real-time signals keep their order; ordinary ones are one; RLIMIT_SIGPENDING.
static void queued_signals(void) {
  on(SIGRTMIN, 0);
  on(SIGRTMIN + 1, 0);
  on(SIGUSR1, 0);
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &old);
  int q = 0;
  for (; q < 10000; q++) {
    union sigval v = {.sival_int = q};
    if (sigqueue(getpid(), SIGRTMIN, v)) break;
  }
  for (int i = 0; i < 100; i++) kill(getpid(), SIGUSR1);
  sigprocmask(SIG_SETMASK, &old, 0);
  int ok = 1;
  for (int i = 0; i < n; i++) ok &= order[i] == i;
  printf("rt %d %d %d usr1 %d\n", q, n, ok, got[SIGUSR1]);
  struct rlimit rl = {5, 5};
  if (!fork()) {
    setrlimit(RLIMIT_SIGPENDING, &rl);
    sigprocmask(SIG_BLOCK, &all, 0);
    int k = 0;
    union sigval v = {0};
    while (!sigqueue(getpid(), SIGRTMIN, v)) k++;
    printf("limit %d %d\n", k <= 5, errno == EAGAIN);
    _exit(0);
  }
  wait(0);
}

// The frame says where the vector registers are; what the handler writes there counts.
static void vector_state(void) {
  struct sigaction xa = {0};
  xa.sa_sigaction = xh;
  xa.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR2, &xa, 0);
  register double d __asm__("xmm0") = 1.0;
  float ys[8], z[8];
  for (int i = 0; i < 8; i++) ys[i] = i;
  __asm__ volatile("vmovups %3,%%ymm5\n mov $39,%%eax\n syscall\n mov %%eax,%%edi\n mov $12,%%esi\n mov $62,%%eax\n syscall\n vmovups %%ymm5,%1" : "+x"(d), "=m"(z) : "0"(d), "m"(ys) : "rax", "rdi", "rsi", "rcx", "r11", "xmm5", "memory");
  printf("xstate %d xmm0 %g ymm %d\n", xok, d, !memcmp(ys, z, 32));
}

// SS_AUTODISARM.
static void alternate_stack(void) {
  stack_t st = {.ss_sp = alt, .ss_size = sizeof alt, .ss_flags = 1 << 31};
  sigaltstack(&st, 0);
  struct sigaction aa = {0};
  aa.sa_handler = ah;
  aa.sa_flags = SA_ONSTACK;
  sigaction(SIGWINCH, &aa, 0);
  raise(SIGWINCH);
  sigaltstack(0, &st);
  printf("alt %d disarmed %d back %d\n", onalt, disarmed == SS_DISABLE, st.ss_size == sizeof alt);
}

// A signal to a process goes to a thread that does not block it.
static void thread_choice(void) {
  pthread_t b;
  got[SIGUSR1] = 0;
  pthread_create(&b, 0, blocked, 0);
  kill(getpid(), SIGUSR1);
  usleep(1000);
  printf("unblocked %d\n", got[SIGUSR1]);
  pthread_join(b, 0);
}

// Stop and SIGCONT as wait sees them; poll goes on after them, but not after a handler.
static void stops(void) {
  int p[2];
  if (pipe(p)) return;
  pid_t c = fork();
  if (!c) {
    struct pollfd f = {p[0], POLLIN, 0};
    int r = poll(&f, 1, 600);
    _exit(r == 0 ? 3 : 4);
  }
  usleep(100000);
  kill(c, SIGSTOP);
  int w;
  waitpid(c, &w, WUNTRACED);
  printf("stopped %d %d\n", WIFSTOPPED(w), WSTOPSIG(w) == SIGSTOP);
  kill(c, SIGCONT);
  siginfo_t si;
  memset(&si, 0, sizeof si);
  waitid(P_PID, c, &si, WCONTINUED);
  printf("continued %d %d\n", si.si_code == CLD_CONTINUED, si.si_status == SIGCONT);
  waitid(P_PID, c, &si, WEXITED | WNOWAIT);
  waitpid(c, &w, 0);
  printf("poll %d %d\n", WEXITSTATUS(w), si.si_status);
  on(SIGALRM, SA_RESTART);
  struct itimerval it = {{0, 0}, {0, 30000}};
  setitimer(ITIMER_REAL, &it, 0);
  struct pollfd f = {p[0], POLLIN, 0};
  int r = poll(&f, 1, 2000);
  printf("eintr %d\n", r == -1 && errno == EINTR);
}

// PR_SET_CHILD_SUBREAPER.
static void subreaper(void) {
  pid_t c;
  int w;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  c = fork();
  if (!c) {
    if (!fork()) {
      usleep(50000);
      _exit(getppid() == (pid_t)0 ? 1 : 9);
    }
    _exit(0);
  }
  waitpid(c, 0, 0);
  pid_t g = wait(&w);
  printf("subreaper %d %d\n", g > 0 && g != c, WEXITSTATUS(w));
}

// prctl.
static void process_control(void) {
  char name[17] = {0};
  prctl(PR_SET_NAME, "a name that is too long");
  prctl(PR_GET_NAME, name);
  printf("%s %d %d\n", name, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  printf("%d %d %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE), prctl(PR_CAPBSET_READ, 41));
}

// process_vm_readv, process_vm_writev.
static void other_memory(void) {
  pid_t c;
  int w;
  int *sh = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char secret[32] = "before";
  c = fork();
  if (!c) {
    strcpy(secret, "child's own");
    sh[0] = 1;
    while (sh[0] == 1) usleep(1000);
    _exit(strcmp(secret, "changed") ? 1 : 0);
  }
  while (!sh[0]) usleep(1000);
  char buf[32] = {0};
  struct iovec l = {buf, 32}, rr = {secret, 32};
  long k = process_vm_readv(c, &l, 1, &rr, 1, 0);
  printf("vm %ld %s\n", k, buf);
  strcpy(buf, "changed");
  process_vm_writev(c, &l, 1, &rr, 1, 0);
  sh[0] = 2;
  waitpid(c, &w, 0);
  printf("%d\n", w);
}

// Interval timers, a timer on CPU time, personality, RLIMIT_CPU, setpgid after exec, __WALL.
static void timers_and_limits(void) {
  struct itimerval it = {{0, 0}, {0, 0}};
  pid_t c;
  int r, w, e;
  got[SIGVTALRM] = got[SIGPROF] = 0;
  on(SIGVTALRM, 0);
  on(SIGPROF, 0);
  it.it_value.tv_usec = 20000;
  setitimer(ITIMER_VIRTUAL, &it, 0);
  setitimer(ITIMER_PROF, &it, 0);
  for (volatile long i = 0; (!got[SIGVTALRM] || !got[SIGPROF]) && i < 4000000000L; i++);
  printf("itimers %d %d\n", got[SIGVTALRM], got[SIGPROF]);
  clockid_t ck;
  clock_getcpuclockid(0, &ck);
  struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1, .sigev_value.sival_int = 77};
  timer_t tm;
  r = timer_create(ck, &ev, &tm);
  struct itimerspec its = {{0, 0}, {0, 10000000}};
  timer_settime(tm, 0, &its, 0);
  n = 0;
  for (volatile long i = 0; !got[SIGRTMIN + 1] && i < 4000000000L; i++);
  printf("timer %d %d %d\n", r, got[SIGRTMIN + 1], order[0]);
  int before = personality(0x40000);
  printf("personality %d ", before);
  printf("%x\n", personality(0xffffffff));
  struct rlimit cpu = {1, 3};
  c = fork();
  if (!c) {
    setrlimit(RLIMIT_CPU, &cpu);
    for (;;);
  }
  waitpid(c, &w, 0);
  printf("cpu %d\n", WTERMSIG(w) == SIGXCPU);
  struct rusage ru;
  getrusage(RUSAGE_CHILDREN, &ru);
  // Both kinds, and not the whole second: RLIMIT_CPU counts ticks, rusage the time between them, and beside others they differ.
  long spent = (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_usec;
  printf("children %d\n", spent > 200000);
  printf("setpgid after exec: ");
  int executed[2];
  if (pipe2(executed, O_CLOEXEC)) return;
  c = fork();
  if (!c) {
    execlp("sleep", "sleep", "100", (char *)0);
    _exit(1);
  }
  close(executed[1]);
  char none;
  if (read(executed[0], &none, 1) != 0) return;
  close(executed[0]);
  r = setpgid(c, c);
  printf("%d\n", r == -1 && errno == EACCES);
  kill(c, SIGKILL);
  waitpid(c, &w, 0);
  c = syscall(SYS_clone, 0, 0, 0, 0, 0);
  if (!c) _exit(0);
  r = waitpid(-1, &w, 0);
  e = errno;
  printf("clone child %d ", r == -1 && e == ECHILD);
  r = waitpid(-1, &w, __WALL);
  printf("%d\n", r == c);
}

static void *wait_for_end(void *p) {
  char c;
  return read(*(int *)p, &c, 1) == 0 ? p : NULL;
}

// 1,000 processes at once, then 256 threads.
static void many(void) {
  static pid_t child[1000];
  int p[2], sum = 0, w;
  if (pipe(p)) return;
  for (int i = 0; i < 1000; i++) {
    if ((child[i] = fork()) == 0) {
      close(p[1]);
      wait_for_end(&p[0]);
      _exit(i % 200);
    }
  }
  close(p[1]);
  for (int i = 0; i < 1000; i++) sum += waitpid(child[i], &w, 0) == child[i] ? WEXITSTATUS(w) : 1000000;
  printf("processes %d\n", sum);
  close(p[0]);
  if (pipe(p)) return;
  static pthread_t thread[256];
  sum = 0;
  for (int i = 0; i < 256; i++) sum += pthread_create(&thread[i], NULL, wait_for_end, &p[0]) == 0;
  close(p[1]);
  void *result;
  for (int i = 0; i < 256; i++) sum += pthread_join(thread[i], &result) == 0 && result;
  printf("threads %d\n", sum);
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  owned_mutexes();
  queued_signals();
  vector_state();
  alternate_stack();
  thread_choice();
  stops();
  subreaper();
  process_control();
  other_memory();
  timers_and_limits();
  many();
  return 0;
}
