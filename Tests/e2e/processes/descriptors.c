// Executing what a descriptor is open on, whatever its path says by then, and ETXTBSY: prints the same under Linux as in the guest. Run
// by processes.sh in both places, in an empty directory.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *words[] = {"shown", "one", 0}, *none[] = {0};

static int show(void) {
  char path[4096] = "";
  if (readlink("/proc/self/exe", path, sizeof path - 1) < 0) return 1;
  printf("  ran %s\n", basename(path));
  return 0;
}

static void copyTo(int from, int to) {
  char bytes[65536];
  ssize_t count;
  off_t at = 0;
  while ((count = pread(from, bytes, sizeof bytes, at)) > 0) {
    at += count;
    if (write(to, bytes, count) != count) exit(1);
  }
}

// At a number that is the same everywhere.
static int at(int number, int file) {
  if (file < 0 || dup2(file, number) < 0) { perror("open"); exit(1); }
  close(file);
  return number;
}

static void wrote(const char *name, const char *text) {
  int file = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  if (write(file, text, strlen(text)) < 0) exit(1);
  close(file);
}

#define TRY(what, call) do { \
    printf("%s:\n", what); fflush(stdout); \
    pid_t child = fork(); \
    if (child == 0) { call; printf("  %s\n", strerrorname_np(errno)); fflush(stdout); _exit(3); } \
    waitpid(child, 0, 0); \
  } while (0)

static void execAt(int descriptor, const char *path, int flags) { syscall(SYS_execveat, descriptor, path, words, none, flags); }

static void all(const char *what, int descriptor) {
  char path[64];
  printf("== %s\n", what);
  TRY("execveat", execAt(descriptor, "", AT_EMPTY_PATH));
  TRY("fexecve", fexecve(descriptor, words, none));
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  TRY("its name in /proc", execv(path, words));
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  TRY("closed by exec", execAt(descriptor, "", AT_EMPTY_PATH));
  fcntl(descriptor, F_SETFD, 0);
}

static void busy(void) {
  int ends[2];
  if (pipe(ends)) exit(1);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[0], 0);
    close(ends[1]);
    execl("./runs", "waits", (char *)0);
    _exit(3);
  }
  close(ends[0]);
  // It has begun when it is the program.
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/%d/exe", child);
  for (;;) {
    ssize_t count = readlink(link, path, sizeof path - 1);
    if (count > 0 && (path[count] = 0, strcmp(basename(path), "runs") == 0)) break;
    usleep(1000);
  }
#define OPEN(what, flags) do { errno = 0; int f = open("runs", flags); printf("%s: %s\n", what, f < 0 ? strerrorname_np(errno) : "opened"); if (f >= 0) close(f); } while (0)
  OPEN("running, to read", O_RDONLY);
  OPEN("running, to write", O_WRONLY);
  OPEN("running, to read and write", O_RDWR);
  OPEN("running, to cut", O_RDONLY | O_TRUNC);
  printf("running, truncate: %s\n", truncate("runs", 0) ? strerrorname_np(errno) : "done");
  close(ends[1]);
  waitpid(child, 0, 0);
  OPEN("ended, to write", O_WRONLY);
  int writer = open("runs", O_WRONLY);
  TRY("while it is open for writing", execl("./runs", "shown", (char *)0));
  close(writer);
  TRY("and after", execl("./runs", "shown", (char *)0));
}

int main(int count, char **arguments) {
  if (strcmp(arguments[0], "shown") == 0) return show();
  if (strcmp(arguments[0], "waits") == 0) { char byte; return read(0, &byte, 1) != 0; }
  int self = open("/proc/self/exe", O_RDONLY);
  int file;
  copyTo(self, file = open("a", O_CREAT | O_WRONLY, 0755)); close(file);
  copyTo(self, file = open("runs", O_CREAT | O_WRONLY, 0755)); close(file);
  wrote("b", "#!/bin/echo wrong\n");

  at(40, open("a", O_RDONLY));
  at(41, open("a", O_PATH));
  all("a file", 40);
  all("O_PATH", 41);
  if (symlink("a", "link")) return 1;
  at(42, open(".", O_RDONLY));
  TRY("relative to a directory", execAt(42, "a", 0));
  TRY("a link", execAt(42, "link", 0));
  TRY("a link that is not followed", execAt(42, "link", AT_SYMLINK_NOFOLLOW));
  if (rename("a", "renamed")) return 1;
  all("a file that was renamed", 40);
  if (rename("b", "renamed")) return 1;
  all("a file another one was renamed over", 40);

  at(43, memfd_create("prog", 0));
  copyTo(self, 43);
  all("memory", 43);
  at(44, memfd_create("script", 0));
  if (write(44, "#!/bin/echo script\n", 19) < 0) return 1;
  all("a script in memory", 44);
  wrote("script", "#!/bin/echo script\n");
  at(45, open("script", O_RDONLY));
  unlink("script");
  all("a script that was unlinked", 45);

  printf("== what cannot be\n");
  TRY("no descriptor", execAt(99, "", AT_EMPTY_PATH));
  TRY("a directory", execAt(42, "", AT_EMPTY_PATH));
  TRY("the directory one is in", execAt(AT_FDCWD, "", AT_EMPTY_PATH));
  TRY("no path", execAt(40, "", 0));
  TRY("relative to a file", execAt(40, "x", 0));
  TRY("flags", execAt(40, "", AT_EMPTY_PATH | 0x8000));
  int ends[2];
  if (pipe(ends)) return 1;
  TRY("a pipe", execAt(ends[0], "", AT_EMPTY_PATH));
  at(47, open(".", O_TMPFILE | O_RDWR, 0755));
  copyTo(self, 47);
  TRY("a file without a name, open for writing", execAt(47, "", AT_EMPTY_PATH));

  printf("== a file that runs\n");
  busy();
  return 0;
}
