// Who gets the processor: nice values, a sleeper among many that compute, hundreds of tasks at one pipe. Everything is kept
// on one processor and counted in work and in turns, never in time; prints the same under Linux as in the guest. Run by
// processes.sh in both places.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUSY 40
#define NAPS 40
#define TASKS 400
#define MESSAGES 5

static struct shared {
  atomic_long work[BUSY];
  atomic_int last;
  atomic_long turns;
} *shared;

static void stay(void) {
  cpu_set_t all, one;
  sched_getaffinity(0, sizeof all, &all);
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE; i++) {
    if (!CPU_ISSET(i, &all)) continue;
    CPU_SET(i, &one);
    break;
  }
  sched_setaffinity(0, sizeof one, &one);
}

// Computes, and notes whenever it was another's turn in between.
static pid_t spinner(int number) {
  pid_t child = fork();
  if (child) return child;
  while (1) {
    atomic_fetch_add_explicit(&shared->work[number], 1, memory_order_relaxed);
    if (atomic_load_explicit(&shared->last, memory_order_relaxed) == number) continue;
    atomic_store_explicit(&shared->last, number, memory_order_relaxed);
    atomic_fetch_add_explicit(&shared->turns, 1, memory_order_relaxed);
  }
}

static void end(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, 0, 0);
}

static void nice_values(void) {
  pid_t first = spinner(0), second = spinner(1);
  setpriority(PRIO_PROCESS, second, 19);
  long turns = atomic_load(&shared->turns);
  // Until the one that is nice has had some turns, whatever else the machine does.
  while (atomic_load(&shared->turns) - turns < 8) usleep(10000);
  long work = atomic_load(&shared->work[0]), nice = atomic_load(&shared->work[1]);
  printf("nice 0 gets more than 5 times what nice 19 gets: %d\n", work > 5 * nice);
  end(first);
  end(second);
}

static void sleeper(void) {
  pid_t busy[BUSY];
  for (int i = 0; i < BUSY; i++) busy[i] = spinner(i);
  struct timespec nap = {0, 1000000};
  for (int i = 0; i < 5; i++) nanosleep(&nap, 0);
  long turns = atomic_load(&shared->turns);
  for (int i = 0; i < NAPS; i++) nanosleep(&nap, 0);
  turns = atomic_load(&shared->turns) - turns;
  printf("a sleeper among %d that compute wakes before all had their turn: %d\n", BUSY, turns < NAPS * BUSY / 4);
  if (turns >= NAPS * BUSY / 4) printf("%ld turns\n", turns);
  // In as many turns as they are twice over each has had some.
  long before[BUSY];
  for (int i = 0; i < BUSY; i++) before[i] = atomic_load(&shared->work[i]);
  turns = atomic_load(&shared->turns);
  while (atomic_load(&shared->turns) - turns < 4 * BUSY) usleep(100000);
  int starved = 0;
  for (int i = 0; i < BUSY; i++) starved += atomic_load(&shared->work[i]) == before[i];
  printf("starved: %d\n", starved);
  for (int i = 0; i < BUSY; i++) end(busy[i]);
}

// One pipe for all: half write, half read.
static void crowd(void) {
  int ends[2];
  if (pipe(ends)) return;
  for (int i = 0; i < TASKS; i++) {
    if (fork()) continue;
    char byte = 'x';
    long count = 0;
    for (int k = 0; k < MESSAGES; k++) count += (i % 2 ? read(ends[0], &byte, 1) : write(ends[1], &byte, 1)) == 1;
    _exit(count == MESSAGES ? 0 : 1);
  }
  int good = 0, status;
  while (wait(&status) > 0) good += status == 0;
  printf("of %d tasks at one pipe %d got through\n", TASKS, good);
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  stay();
  nice_values();
  sleeper();
  crowd();
  return 0;
}
