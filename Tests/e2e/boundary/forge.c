// An evil program: it leaves its guest kernel alone and does that one's work itself. It is in the kernel's address space, finds the
// virtio-vsock device and the nonce by the boot page, and sends on the kernel's own connections what the kernel would send at the
// job's end (docs/protocol.md §3), with whatever it likes in it. Its words are said in order:
//   FIELD=N      of the report: kind code out err user sys rss faults calls processes writes refused full, nonce (added to the right one)
//   a message    hello, exited, finished, checkpoint=KIND, resumed=DONE; unsupported=N, ioctls=N, missing=N: N of them
//   print        a line on standard output
//   streams      standard output and error end; end: the control stream does
//   ask          to be saved as a template, honestly; what follows is said in the restored machine; old: with the nonce of before
//   off, save, panic=TEXT   commands to the platform device; spin: computes for ever
//   done         streams exited finished end off
// Should it live, it exits with 3.
#include "swiftlet_abi.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(physical) ((volatile uint8_t *)(SWIFTLET_PHYSMAP + (physical)))
#define VSOCK 19                                // virtio 1.2 §5
#define NOTIFY 0x50                             // §4.2.2
enum { CONTROL = 1024, OUTPUT = 1026, ERROR = 1027 };
enum { SHUTDOWN = 4, DATA = 5 };                // operations, §5.10.6
enum { FIRST_PORT = 49152 };                    // the kernel's own, of its first connection; the next two are the standard streams
enum { SLOT = 126 };                            // the last descriptor that heads a packet of the kernel's, which takes the lowest first

struct packet { uint64_t from, to; uint32_t from_port, to_port, length; uint16_t type, operation; uint32_t flags, window, forwarded; };
enum { PACKET_BYTES = 44 };
struct descriptor { uint64_t address; uint32_t length; uint16_t flags, next; };

static volatile struct swiftlet_boot_page *boot;
static volatile struct swiftlet_device *vsock;
static volatile uint8_t *queue;                 // the transmit queue's page
static uint64_t scratch;                        // physical address of 128 KiB that nobody uses: the end of memory
static struct packet control;                   // what the kernel last said on that connection: credit
static uint64_t facts[11];
static uint32_t kind, code;
static uint8_t nonce[16], nonce_before[16];
static uint64_t nonce_added;
static const char *const fact_names[] = {"out", "err", "user", "sys", "rss", "faults", "calls", "processes", "writes", "refused", "full"};

// Looks through what the kernel has sent. Whether it has said `started` yet, which comes a moment after the program's start.
static int has_started(void) {
  int started = 0;
  for (unsigned i = 0; i < SLOT; i += 2) {
    const struct descriptor *d = (void *)(queue + i * sizeof *d);
    if (d[0].length != PACKET_BYTES) continue;
    struct packet p;
    memcpy(&p, (void *)AT(d[0].address), PACKET_BYTES);
    if (p.to_port != CONTROL) continue;
    if (p.forwarded >= control.forwarded) control = p;
    const uint64_t head = p.operation == DATA ? *(uint64_t *)AT(d[1].address) : 0;
    if (head == (1ULL << 48 | 65ULL << 32 | 8)) started = 1;   // job 1, `started`, 8 bytes
  }
  return started;
}

static int look(void) {
  boot = (void *)AT(SWIFTLET_BOOT_PAGE);
  if (boot->magic != SWIFTLET_BOOT_MAGIC) return 0;
  for (unsigned i = 0; i < SWIFTLET_VIRTIO_MAXIMUM; i++) if (boot->devices[i].device_id == VSOCK) vsock = &boot->devices[i];
  if (!vsock || !vsock->queues) return 0;
  queue = AT(vsock->queues + 4096);
  scratch = boot->memory[0].start + boot->memory[0].size - (128 << 10);
  memcpy(nonce, (void *)boot->nonce, sizeof nonce);
  while (!has_started()) usleep(1000);
  return 1;
}

// Sends one packet, and waits until the device has it.
static void send(uint32_t port, uint16_t operation, uint32_t flags, uint32_t length) {
  struct packet p = {vsock->config, 2, FIRST_PORT + (port == CONTROL ? 0 : port - OUTPUT + 1), port, length, 1, operation, flags,
                     control.window, port == CONTROL ? control.forwarded : 0};
  memcpy((void *)AT(scratch), &p, PACKET_BYTES);
  struct descriptor *d = (void *)(queue + SLOT * sizeof *d);
  d[0] = (struct descriptor){scratch, PACKET_BYTES, length ? 1 : 0, SLOT + 1};
  d[1] = (struct descriptor){scratch + 4096, length, 0, 0};
  volatile uint16_t *available = (void *)(queue + SWIFTLET_QUEUE_DRIVER), *used = (void *)(queue + SWIFTLET_QUEUE_DEVICE);
  available[2 + available[1] % SWIFTLET_QUEUE_SIZE] = SLOT;
  __sync_synchronize();
  available[1]++;
  *(volatile uint32_t *)AT(vsock->mmio + NOTIFY) = 1;
  while (used[1] != available[1]) __asm__ volatile("pause");
}

static uint8_t *message = 0;                    // where the next frame goes
static void frame(uint16_t type, const void *payload, uint32_t length) {
  // Of job 1, or the machine's: hello, checkpoint, resumed.
  struct { uint32_t length; uint16_t type, job; } head = {length, type, type != 64 && type != 74 && type != 75};
  memcpy(message, &head, 8), memcpy(message + 8, payload, length);
  message += 8 + length;
}

static void exited(void) {
  uint64_t words[14];
  memcpy(words, nonce, sizeof nonce);
  words[0] += nonce_added;
  words[2] = (uint64_t)code << 32 | kind;
  memcpy(words + 3, facts, sizeof facts);
  frame(67, words, 112);
}

static void hello(void) {
  uint32_t words[7] = {1};
  memcpy(words + 1, nonce, sizeof nonce);
  frame(64, words, sizeof words);
}

// What the kernel lacks, N times: 12 bytes of number and count, or a count and a path with bytes that no terminal should see.
static void lacks(uint16_t type, long n) {
  for (uint32_t i = 0; i < n; i++) {
    uint32_t words[3] = {i, ~0u, ~0u};
    uint8_t path[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (type == 73) frame(type, path, 8 + sprintf((char *)path + 8, "/proc/\033[31m%u\377", i));
    else frame(type, words, sizeof words);
  }
}

static void command(uint32_t number, const char *text) {
  strcpy((char *)AT(scratch), text);
  *(volatile uint64_t *)AT(SWIFTLET_PLATFORM_BASE + SWIFTLET_PLATFORM_ADDRESS) = scratch;
  *(volatile uint32_t *)AT(SWIFTLET_PLATFORM_BASE + SWIFTLET_PLATFORM_LENGTH) = strlen(text);
  *(volatile uint32_t *)AT(SWIFTLET_PLATFORM_BASE + SWIFTLET_PLATFORM_COMMAND) = number;
}

// Goes on in the restored machine, whose connections and nonce are others.
static void ask(void) {
  memcpy(nonce_before, nonce, sizeof nonce);
  char words[64];
  if (read(open("/dev/checkpoint", O_RDONLY), words, sizeof words) < 0) exit(5);
  memset(&control, 0, sizeof control);
  look();
}

static int set(const char *name, uint64_t value) {
  for (unsigned i = 0; i < 11; i++) if (!strcmp(name, fact_names[i])) return facts[i] = value, 1;
  if (!strcmp(name, "kind")) return kind = value, 1;
  if (!strcmp(name, "code")) return code = value, 1;
  if (!strcmp(name, "nonce")) return nonce_added = value, 1;
  return 0;
}

static void say(const char *word) {
  char name[32];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
  const char *text = strchr(word, '=') ? strchr(word, '=') + 1 : "";
  uint64_t value = strtoull(text, 0, 0);
  uint8_t *start = message = (uint8_t *)AT(scratch + 4096);
  uint32_t number = value, resumed[3] = {value};
  if (set(name, value)) return;
  if (!strcmp(name, "done")) for (char *w, *list = strdup("streams exited finished end off"); (w = strsep(&list, " "));) say(w);
  if (!strcmp(name, "ask")) ask();
  if (!strcmp(name, "old")) memcpy(nonce, nonce_before, sizeof nonce);
  if (!strcmp(name, "hello")) hello();
  if (!strcmp(name, "exited")) exited();
  if (!strcmp(name, "finished")) frame(71, "", 0);
  if (!strcmp(name, "checkpoint")) frame(74, &number, 4);
  if (!strcmp(name, "resumed")) frame(75, resumed, 12);
  if (!strcmp(name, "unsupported")) lacks(68, value);
  if (!strcmp(name, "ioctls")) lacks(72, value);
  if (!strcmp(name, "missing")) lacks(73, value);
  if (!strcmp(name, "streams")) send(OUTPUT, SHUTDOWN, 3, 0), send(ERROR, SHUTDOWN, 3, 0);
  if (!strcmp(name, "end")) send(CONTROL, SHUTDOWN, 3, 0);
  if (!strcmp(name, "print")) memcpy(start, "forged\n", 7), send(OUTPUT, DATA, 0, 7);
  if (!strcmp(name, "panic")) command(SWIFTLET_PLATFORM_PANIC, text);
  if (!strcmp(name, "off")) command(SWIFTLET_PLATFORM_POWER_OFF, "");
  if (!strcmp(name, "save")) command(SWIFTLET_PLATFORM_CHECKPOINT, "");
  if (!strcmp(name, "spin")) for (;;) __asm__ volatile("pause");
  if (message != start) send(CONTROL, DATA, 0, message - start);
}

int main(int count, char **words) {
  // First of all: what the program itself prints would take the places of the packets that are looked for.
  if (!look()) return puts("no connection to forge"), 4;
  for (int i = 1; i < count; i++) say(words[i]);
  return 3;
}
