// Linux's own drivers as the judge of our virtio devices. One program of two halves, static, in C because both are ordinary Linux
// programs that a test image of a debug kernel starts without anything else in its file system:
//
//   drivers                   as process 1 of the guest: uses each device hard, then reads what the kernel has to say about it
//   drivers pattern FILE N    on the host: makes FILE, of N bytes, whose every word says where it lies
//   drivers echo A B COMMAND...  on the host: runs COMMAND, whose descriptors A and B are streams on which whatever it sends comes back
//
// The guest's lines are `ok - CLAIM` or `not ok - CLAIM`, on its console, and a count at the end. Its sizes come from its environment,
// which is the kernel's command line: `vsock_mb=N disk_rounds=N`.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/vm_sockets.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { echo_port = 5000, nobody_port = 5002, echo_window = 4 << 20, sector = 512, largest = 512 << 10, workers = 4 };

static int passed, failed;

static void claim(int holds, const char *what, ...) {
  char text[300];
  va_list list;
  va_start(list, what);
  vsnprintf(text, sizeof text, what, list);
  va_end(list);
  printf("%s - drivers: %s\n", holds ? "ok" : "not ok", text);
  if (holds) passed++; else failed++;
}

static uint64_t mixed(uint64_t x) {
  x ^= x >> 33; x *= 0xff51afd7ed558ccdull; x ^= x >> 33; x *= 0xc4ceb9fe1a85ec53ull; return x ^ x >> 33;
}

static uint64_t number(uint64_t *state) { return mixed(*state += 0x9e3779b97f4a7c15ull); }

// What the word at byte `place` is, in the generation `generation` of it.
static uint64_t word(uint64_t place, uint64_t generation) { return mixed(place + 1) ^ mixed(~generation); }

static void fill(uint64_t *words, size_t bytes, uint64_t place, uint64_t generation) {
  for (size_t i = 0; i < bytes / 8; i++) words[i] = word(place + i * 8, generation);
}

static int matches(const uint64_t *words, size_t bytes, uint64_t place, uint64_t generation) {
  for (size_t i = 0; i < bytes / 8; i++) if (words[i] != word(place + i * 8, generation)) return 0;
  return 1;
}

static void *room(size_t bytes) {
  void *memory = 0;
  if (posix_memalign(&memory, 4096, bytes)) abort();
  return memory;
}

static long setting(const char *name, long otherwise) { const char *text = getenv(name); return text ? atol(text) : otherwise; }

static uint64_t size_of(int disk) { uint64_t bytes = 0; ioctl(disk, BLKGETSIZE64, &bytes); return bytes; }

// ---- block ----

static void root_disk(void) {
  int disk = open("/dev/vda", O_RDONLY | O_DIRECT);
  uint64_t bytes = disk < 0 ? 0 : size_of(disk), wrong = 0, seed = 1;
  uint64_t *memory = room(largest);
  for (uint64_t place = 0; place < bytes; place += largest) {
    size_t now = bytes - place < largest ? bytes - place : largest;
    wrong += pread(disk, memory, now, place) != (ssize_t)now || !matches(memory, now, place, 0);
  }
  claim(bytes && !wrong, "dd of the root disk, past the page cache: %llu bytes, %llu blocks wrong", (unsigned long long)bytes,
        (unsigned long long)wrong);
  wrong = 0;
  for (int i = 0; i < 500 && bytes; i++) {
    size_t now = (number(&seed) % (largest / sector) + 1) * sector;
    uint64_t place = number(&seed) % ((bytes - now) / sector) * sector;
    wrong += pread(disk, memory, now, place) != (ssize_t)now || !matches(memory, now, place, 0);
  }
  claim(bytes && !wrong, "500 reads of the root disk, of any length, anywhere: %llu wrong", (unsigned long long)wrong);
  claim(pread(disk, memory, sector, bytes) == 0, "the root disk ends where it says");
  int read_only = 0, writable = open("/dev/vda", O_RDWR);
  ioctl(disk, BLKROGET, &read_only);
  int wrote = writable >= 0 && pwrite(writable, memory, sector, 0) == sector && fsync(writable) == 0;
  claim(read_only == 1 && !wrote, "the root disk is read-only to its driver");
  close(writable);
  close(disk);
}

// One process's share of the scratch disk: writes and reads at random, knows what each sector must hold.
static int worker(int index, int direct, long rounds, uint64_t from, uint64_t bytes) {
  int disk = open("/dev/vdb", O_RDWR | (direct ? O_DIRECT : 0));
  uint64_t seed = index * 2 + direct + 1, sectors = bytes / sector;
  uint32_t *generations = calloc(sectors, sizeof *generations);
  uint64_t *memory = room(largest);
  if (disk < 0) return 1;
  for (long i = 0; i < rounds + 1; i++) {
    int last = i == rounds;   // at the end, all of it
    for (uint64_t first = last ? 0 : number(&seed) % sectors; first < sectors; ) {
      uint64_t count = last ? largest / sector : number(&seed) % (largest / sector) + 1;
      if (number(&seed) % 3) count = count % 16 + 1;
      if (first + count > sectors) count = sectors - first;
      uint64_t place = from + first * sector;
      if (!last && number(&seed) % 2) {
        for (uint64_t s = 0; s < count; s++) fill(memory + s * 64, sector, place + s * sector, ++generations[first + s]);
        if (pwrite(disk, memory, count * sector, place) != (ssize_t)(count * sector)) return 2;
      } else {
        if (pread(disk, memory, count * sector, place) != (ssize_t)(count * sector)) return 3;
        for (uint64_t s = 0; s < count; s++)
          if (generations[first + s] && !matches(memory + s * 64, sector, place + s * sector, generations[first + s])) return 4;
      }
      if (!last) break;
      first += count;
    }
    if (number(&seed) % 50 == 0 && fsync(disk)) return 5;
  }
  return 0;
}

static void scratch_disk(void) {
  int disk = open("/dev/vdb", O_RDONLY);
  if (disk < 0) { claim(0, "there is a scratch disk"); return; }
  uint64_t share = size_of(disk) / workers / 4096 * 4096;
  long rounds = setting("disk_rounds", 400);
  for (int direct = 0; direct < 2; direct++) {
    for (int i = 0; i < workers; i++) if (fork() == 0) _exit(worker(i, direct, rounds, i * share, share));
    int bad = 0, status;
    for (int i = 0; i < workers; i++) { wait(&status); if (status) bad = status; }
    claim(share && !bad, "%d processes, %ld reads and writes each of the scratch disk, %s, verified (status %d)", workers, rounds,
          direct ? "past the page cache" : "through the page cache", bad >> 8);
  }
  claim(fsync(disk) == 0, "a flush of the scratch disk");
  uint64_t range[2] = {0, 1 << 20};
  close(disk);
  disk = open("/dev/vdb", O_RDWR);
  int discarded = ioctl(disk, BLKDISCARD, range);
  claim(discarded == 0 || errno == EOPNOTSUPP, "a discard is done or politely refused (%s)", discarded ? strerror(errno) : "done");
  close(disk);
}

// ---- vsock ----

static int connected(unsigned port) {
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};
  int stream = socket(AF_VSOCK, SOCK_STREAM, 0);
  if (connect(stream, (void *)&address, sizeof address) == 0) return stream;
  int error = errno;
  close(stream);
  errno = error;
  return -1;
}

static int send_pattern(int stream, uint64_t total) {
  uint64_t *memory = room(largest), seed = 3;
  for (uint64_t sent = 0; sent < total; ) {
    size_t now = (number(&seed) % (largest / 8) + 1) * 8, done = 0;
    if (now > total - sent) now = total - sent;
    fill(memory, now, sent, 9);
    while (done < now) {
      ssize_t wrote = write(stream, (char *)memory + done, now - done);
      if (wrote <= 0) return 1;
      done += wrote;
    }
    sent += now;
  }
  return shutdown(stream, SHUT_WR) != 0;
}

static void vsock(int round) {
  uint64_t total = (uint64_t)setting("vsock_mb", 16) << 20, came = 0, kept = 0, seed = 4;
  int refused = connected(nobody_port);
  claim(refused < 0 && errno == ECONNRESET, "vsock: a port where nobody listens resets (%s)", strerror(errno));
  int stream = connected(echo_port + round);
  claim(stream >= 0, "vsock: the echo's port connects (%s)", stream < 0 ? strerror(errno) : "yes");
  if (stream < 0) return;
  pid_t sender = fork();
  if (sender == 0) _exit(send_pattern(stream, total));
  char *memory = room(largest + 8);
  int wrong = 0, status = -1;
  for (;;) {   // `kept` bytes of an unfinished word stay at the front
    ssize_t got = read(stream, memory + kept, number(&seed) % largest + 1);
    if (got <= 0) { wrong |= got < 0; break; }
    size_t whole = (kept + got) / 8 * 8;
    wrong |= !matches((uint64_t *)memory, whole, came, 9);
    came += whole;
    kept = kept + got - whole;
    memmove(memory, memory + whole, kept);
  }
  waitpid(sender, &status, 0);
  claim(!wrong && !status && came == total, "vsock: an echo of %llu MB, in pieces of any size: %llu bytes came back, %s",
        (unsigned long long)total >> 20, (unsigned long long)came, wrong ? "not the right ones" : "each the right one");
  close(stream);
}

// ---- console, entropy ----

static void entropy(void) {
  unsigned char bytes[4096] = {0};
  int device = open("/dev/hwrng", O_RDONLY), seen[256] = {0}, kinds = 0;
  if (device < 0) { printf("skip - drivers: the entropy device # this kernel has no driver of it\n"); return; }
  size_t got = 0;
  for (ssize_t now; got < sizeof bytes && (now = read(device, bytes + got, sizeof bytes - got)) > 0; ) got += now;
  for (size_t i = 0; i < got; i++) kinds += !seen[bytes[i]]++;
  claim(got == sizeof bytes && kinds > 250, "the entropy device: %zu bytes, %d different ones", got, kinds);
  close(device);
}

// ---- drivers come and go ----

static int say(const char *path, const char *text) {
  int file = open(path, O_WRONLY);
  int bad = file < 0 || write(file, text, strlen(text)) < 0;
  close(file);
  return bad;
}

// Takes each device from its driver and gives it back: reset, negotiation and queues once more. The console is what we speak by.
static void rebind(const char *driver) {
  char path[128], names[8][32];
  int count = 0, bad = 0;
  snprintf(path, sizeof path, "/sys/bus/virtio/drivers/%s", driver);
  DIR *folder = opendir(path);
  if (!folder) { printf("skip - drivers: %s comes and goes # this kernel has no such driver\n", driver); return; }
  for (struct dirent *entry; (entry = readdir(folder)) && count < 8; )
    if (!strncmp(entry->d_name, "virtio", 6)) snprintf(names[count++], sizeof names[0], "%.31s", entry->d_name);
  closedir(folder);
  for (int i = 0; i < count; i++) for (int round = 0; round < 3; round++) {
    snprintf(path, sizeof path, "/sys/bus/virtio/drivers/%s/unbind", driver);
    bad += say(path, names[i]);
    snprintf(path, sizeof path, "/sys/bus/virtio/drivers/%s/bind", driver);
    bad += say(path, names[i]);
  }
  claim(count && !bad, "%s lets %d devices go and takes them back, three times", driver, count);
}

// ---- what the kernel says ----

static const char *const complaints[] = {"WARNING:", "BUG:", "KASAN", "UBSAN", "possible circular", "inconsistent lock", "suspicious RCU",
  "Call Trace", "INFO: task", "lockup", "I/O error", "is not a head", "Oops", "DMA-API", "general protection", "sleeping function",
  "unexpected interrupt", "nobody cared", "list_add corruption", "list_del corruption", "stack guard", "bad page", "timed out",
  "failed to", "device returned", "virtio_mmio: version"};

// What is no complaint.
static const char *const forgiven[] = {"DMA-API: preallocated", "DMA-API: debugging enabled"};

static int found(const char *line, const char *const *texts, size_t count) {
  for (size_t i = 0; i < count; i++) if (strstr(line, texts[i])) return 1;
  return 0;
}

static void kernel_log(void) {
  int size = klogctl(10, 0, 0), bad = 0;   // SYSLOG_ACTION_SIZE_BUFFER
  char *text = calloc(1, size + 1);
  int length = klogctl(3, text, size);     // SYSLOG_ACTION_READ_ALL
  for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
    if (found(line, forgiven, sizeof forgiven / sizeof *forgiven)) continue;
    if (!found(line, complaints, sizeof complaints / sizeof *complaints)) continue;
    bad++;
    printf("    %s\n", line);
  }
  claim(length > 0 && !bad, "the kernel's log, %d bytes, complains of nothing (%d lines)", length, bad);
}

static void checks(const char *file, const char *what) {
  char text[64] = "";
  int flags = open(file, O_RDONLY);
  if (flags >= 0) { if (read(flags, text, sizeof text - 1) < 0) text[0] = 0; close(flags); }
  printf("# %s: %s\n", what, flags < 0 ? "not in this kernel" : strtok(text, "\n"));
}

static void guest(void) {
  mount("dev", "/dev", "devtmpfs", 0, 0);
  mount("proc", "/proc", "proc", 0, 0);
  mount("sys", "/sys", "sysfs", 0, 0);
  mount("debug", "/sys/kernel/debug", "debugfs", 0, 0);
  int console = open("/dev/hvc0", O_WRONLY);
  if (console < 0) console = open("/dev/console", O_WRONLY);
  if (console >= 0) dup2(console, 1);
  setvbuf(stdout, 0, _IOLBF, 0);
  checks("/proc/version", "the kernel");
  checks("/proc/lockdep_stats", "lockdep");
  checks("/sys/kernel/debug/dma-api/disabled", "DMA-API debugging disabled");
  for (int round = 0; round < 2; round++) {
    root_disk(); scratch_disk(); vsock(round); entropy();
    if (round == 0) { rebind("virtio_blk"); rebind("vmw_vsock_virtio_transport"); rebind("virtio_rng"); }
  }
  kernel_log();
  printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  sleep(1);   // the console's last line is on its way
  sync();
  reboot(RB_AUTOBOOT);
}

// ---- on the host ----

static int pattern(const char *path, uint64_t total) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  uint64_t *memory = room(largest);
  for (uint64_t place = 0; place < total; place += largest) {
    size_t now = total - place < largest ? total - place : largest;
    fill(memory, now, place, 0);
    if (write(file, memory, now) != (ssize_t)now) return 1;
  }
  return close(file) != 0;
}

static int echo(int stream) {
  char *memory = room(echo_window);
  for (ssize_t got; (got = read(stream, memory, echo_window)) > 0; )
    for (ssize_t done = 0, now; done < got; done += now) if ((now = write(stream, memory + done, got - done)) <= 0) return 1;
  return shutdown(stream, SHUT_WR) != 0;
}

int main(int count, char **words) {
  if (getpid() == 1) { guest(); for (;;) pause(); }
  if (count == 4 && !strcmp(words[1], "pattern")) return pattern(words[2], strtoull(words[3], 0, 0));
  if (count > 4 && !strcmp(words[1], "echo")) {
    for (int i = 2; i < 4; i++) {
      int pair[2];
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return 1;
      if (fork() == 0) { close(pair[1]); return echo(pair[0]); }
      if (dup2(pair[1], atoi(words[i])) < 0) return 1;
    }
    execv(words[4], words + 4);
    return 127;
  }
  return 2;
}
