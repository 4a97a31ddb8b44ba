// A vsock guest that can say anything. Source: virtio 1.2 §5.10.6.
#include "driver.h"

struct packet {   // struct virtio_vsock_hdr
  u64 source_cid, destination_cid;
  u32 source_port, destination_port, length;
  u16 type, operation;
  u32 flags, buffer_size, forwarded;
} __attribute__((packed));
enum { REQUEST = 1, RESPONSE, RESET, SHUTDOWN, DATA, CREDIT_UPDATE, CREDIT_REQUEST, STREAM = 1 };

static u64 vsock;
static struct queue receive, transmit, event;
static struct packet out;
static u8 out_payload[65536];
static struct { struct packet header; u8 payload[4096]; } in[SIZE];
static u16 sent, received;

static void open_vsock(struct swiftlet_boot_page *boot) {
  vsock = find(boot, VSOCK);
  if (!vsock) give_up("no vsock device");
  negotiate(vsock, 0);
  add_queue(vsock, 0, &receive); add_queue(vsock, 1, &transmit); add_queue(vsock, 2, &event);
  start_device(vsock);
  sent = received = 0;
  for (u16 i = 0; i < SIZE; i++) {
    receive.table[i] = (struct descriptor){physical(&in[i]), sizeof in[i], WRITE, 0};
    offer(vsock, 0, &receive, i);
  }
}

/// Sends one packet whose header says `operation` and `claimed` bytes while `length` bytes of out_payload follow.
static int send(u16 operation, u32 from, u32 to, u32 claimed, u32 length) {
  out = (struct packet){3, 2, from, to, claimed, STREAM, operation, operation == SHUTDOWN ? 3 : 0, 65536, 0};
  transmit.table[0] = (struct descriptor){physical(&out), sizeof out, length ? NEXT : 0, 1};
  transmit.table[1] = (struct descriptor){physical(out_payload), length, 0, 0};
  offer(vsock, 1, &transmit, 0);
  return wait_used(&transmit, sent++);
}

/// The next packet from the host; 0 when none comes. Valid until the buffers have gone round.
static struct packet *next_packet(void) {
  if (!wait_used(&receive, received)) return 0;
  u32 id = receive.used.ring[received++ % SIZE].id;
  return &in[id % SIZE].header;
}

/// Opens a stream to a host port; false when the host refuses.
static int connect(u32 from, u32 to) {
  if (!send(REQUEST, from, to, 0, 0)) return 0;
  for (struct packet *answer; (answer = next_packet());)   // what the host sends on other streams comes in between
    if (answer->destination_port == from) return answer->operation == RESPONSE;
  return 0;
}

// --- job frames (docs/protocol.md §3) ---
static u32 frame_bytes;
// Of job 1, or the machine's: hello, checkpoint, resumed.
static void begin_frame(u16 type, u32 claimed) {
  u16 head[4] = {claimed, claimed >> 16, type, type != 64 && type != 74 && type != 75};
  memcpy(out_payload + frame_bytes, head, 8);
  frame_bytes += 8;
}
static void add(const void *bytes, u32 count) { memcpy(out_payload + frame_bytes, bytes, count); frame_bytes += count; }
static void send_frames(u32 from) { send(DATA, from, 1024, frame_bytes, frame_bytes); frame_bytes = 0; }
static void hello(struct swiftlet_boot_page *boot, const u8 *nonce) {
  u32 version = 1; u64 time = 1000;
  begin_frame(64, 28); add(&version, 4); add(nonce ? nonce : boot->nonce, 16); add(&time, 8);
}
static void started(void) { u64 time = 2000; begin_frame(65, 8); add(&time, 8); }
static void exited(struct swiftlet_boot_page *boot, const u8 *nonce, u32 code, u64 out_bytes) {
  u32 kind = 0; u64 zero[10] = {0};
  begin_frame(67, 16 + 8 + 8 * 11); add(nonce ? nonce : boot->nonce, 16); add(&kind, 4); add(&code, 4);
  add(&out_bytes, 8); add(zero, 80);
}
