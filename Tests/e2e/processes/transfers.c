// sendfile and splice where the target takes less than the source gave, and where the position moves meanwhile: prints the same under
// Linux as in the guest. Run by processes.sh in both places.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, ssize_t result) {
  printf("%s: %zd %s\n", what, result, result < 0 ? strerrorname_np(errno) : "");
}

static void devices(void) {
  const char *names[] = {"/dev/zero", "/dev/full", "/dev/urandom", "/dev/null"};
  for (int i = 0; i < 4; i++) {
    int source = open(names[i], O_RDONLY), full = open("/dev/full", O_WRONLY), null = open("/dev/null", O_WRONLY);
    printf("%s ", names[i]);
    say("to full", sendfile(full, source, 0, 7));
    say("to null", sendfile(null, source, 0, 70000));
    off_t offset = 5;
    say("from an offset", sendfile(full, source, &offset, 7));
    int ends[2];
    if (pipe2(ends, O_NONBLOCK)) return;
    say("into a pipe", sendfile(ends[1], source, 0, 1000000));
    say("into it again", sendfile(ends[1], source, 0, 1000000));
    close(ends[0]);
    say("into nobody's", sendfile(ends[1], source, 0, 7));
    say("where it is", lseek(source, 0, SEEK_CUR));
    close(ends[1]); close(source); close(full); close(null);
  }
}

static char stateOf(pid_t pid) {
  char path[64], text[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int file = open(path, O_RDONLY);
  if (file < 0 || read(file, text, sizeof text - 1) <= 0) return 'X';
  close(file);
  char *end = strrchr(text, ')');
  return end ? end[2] : 'X';
}

// While a full pipe keeps the sender waiting, another process sets the position that both have.
static void moved(off_t to) {
  char name[] = "transferXXXXXX", bytes[4096];
  int file = mkstemp(name), ends[2];
  unlink(name);
  memset(bytes, 'x', sizeof bytes);
  for (int i = 0; i < 100; i++) if (write(file, bytes, sizeof bytes) != sizeof bytes) return;
  lseek(file, 100, SEEK_SET);
  if (pipe2(ends, O_NONBLOCK)) return;
  long total = 0;
  ssize_t got;
  while ((got = write(ends[1], bytes, sizeof bytes)) > 0) total -= got;
  fcntl(ends[0], F_SETFL, 0);
  fcntl(ends[1], F_SETFL, 0);
  pid_t sender = fork();
  if (sender == 0) {
    close(ends[0]);
    _exit(sendfile(ends[1], file, 0, 300000) > 0 ? 7 : 1);
  }
  close(ends[1]);
  char state;
  while ((state = stateOf(sender)) != 'S' && state != 'Z') usleep(1000);
  lseek(file, to, SEEK_SET);
  while ((got = read(ends[0], bytes, sizeof bytes)) > 0) total += got;
  int status;
  waitpid(sender, &status, 0);
  printf("moved to %ld: the sender waited %d and ended %d, and the position is where it began and what came %d\n", (long)to,
         state == 'S', WEXITSTATUS(status), lseek(file, 0, SEEK_CUR) == 100 + total);
  close(ends[0]);
  close(file);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  devices();
  moved(0);
  moved(3);
  return 0;
}
