# Sockets inside a job: what programs do with them, in python3 from the python image. There is no network beyond loopback.

py() { run "$swiftlet" run --image python --in job.py:/job/job.py -- python3 /job/job.py; }

claim "AF_UNIX: a socket pair carries a megabyte from a thread, end of file and broken pipe"
needs python
cat >job.py <<'SCRIPT'
import os, socket, threading
a, b = socket.socketpair()
thread = threading.Thread(target=lambda: a.sendall(bytes(range(256)) * 4096))
thread.start()
got = bytearray()
while len(got) < 1 << 20: got += b.recv(65536)
thread.join()
print(bytes(got) == bytes(range(256)) * 4096)
print(os.readlink(f"/proc/self/fd/{a.fileno()}").startswith("socket:["), oct(os.fstat(a.fileno()).st_mode))
a.close()
print(b.recv(1))
try: b.send(b"x")
except BrokenPipeError as error: print(error)
SCRIPT
py
status_is 0
stdout_is True 'True 0o140777' "b''" '[Errno 32] Broken pipe'

claim "AF_UNIX: a server and forked clients over a path; SO_PEERCRED; a name outlives its socket"
needs python
cat >job.py <<'SCRIPT'
import os, socket, struct
server = socket.socket(socket.AF_UNIX)
server.bind("/tmp/server")
server.listen(2)
for i in range(5):
    child = os.fork()
    if child == 0:
        client = socket.socket(socket.AF_UNIX)
        client.connect("/tmp/server")
        client.sendall(b"ping %d" % i)
        os._exit(0 if client.recv(100) == b"PING %d" % i and client.getpeername() == "/tmp/server" else 1)
    connection, _ = server.accept()
    pid, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    connection.sendall(connection.recv(100).upper())
    print(pid == child, uid == os.getuid(), os.waitpid(child, 0)[1])
server.close()
try: socket.socket(socket.AF_UNIX).connect("/tmp/server")
except ConnectionRefusedError: print("refused")
os.unlink("/tmp/server")
try: socket.socket(socket.AF_UNIX).connect("/tmp/server")
except FileNotFoundError: print("not found")
SCRIPT
py
status_is 0
stdout_is 'True True 0' 'True True 0' 'True True 0' 'True True 0' 'True True 0' refused 'not found'

claim "AF_UNIX: descriptors go through a socket to another process; many in flight are refused, not kept"
needs python
cat >job.py <<'SCRIPT'
import os, socket
a, b = socket.socketpair()
if os.fork() == 0:
    _, descriptors, _, _ = socket.recv_fds(b, 10, 3)
    os.write(descriptors[1], os.read(descriptors[0], 100).upper())
    os._exit(0)
reader, writer = os.pipe()
answer, answered = os.pipe()
os.write(writer, b"through a descriptor")
socket.send_fds(a, [b"x"], [reader, answered])
os.close(answered); os.close(reader)
os.wait()
print(os.read(answer, 100), os.read(answer, 100))
sent = 0
try:
    while sent < 20000:
        pair = socket.socketpair()
        socket.send_fds(pair[0], [b"x"], [pair[0].fileno(), pair[1].fileno()] * 100)
        pair[0].close(); pair[1].close()   # a cycle that nobody can reach any more
        sent += 200
    print("collected")
except OSError as error: print(error.errno, 0 < sent <= 4096)
SCRIPT
py
status_is 0
# Linux finds such cycles, and refuses its superuser no number of them.
ending='109 True'
[ -z "${E2E_KERNEL:-}" ] || ending=collected
stdout_is "b'THROUGH A DESCRIPTOR' b''" "$ending"

claim "AF_UNIX: datagrams with abstract and automatic names, and packets that keep their ends"
needs python
cat >job.py <<'SCRIPT'
import socket
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\0abstract")
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.bind("")
sender.sendto(b"datagram", "\0abstract")
data, name = receiver.recvfrom(4)
print(data, name == sender.getsockname(), len(name))
sender.setblocking(False)
try:
    for sent in range(1000): sender.sendto(b"", "\0abstract")
except BlockingIOError: print("full", 1 <= sent < 100)
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
a.send(b"first"); a.send(b"second")
print(b.recvmsg(3), b.recv(10))
SCRIPT
py
status_is 0
stdout_is "b'data' True 6" 'full True' "(b'fir', [], 32, None) b'second'"

claim "asyncio serves fifty clients over AF_UNIX; multiprocessing's Pipe, Pool and Manager work"
needs python
cat >job.py <<'SCRIPT'
import asyncio, multiprocessing

def square(n): return n * n
def send(connection): connection.send([1, 2, 3])

async def main():
    async def serve(reader, writer):
        writer.write((await reader.readline()).upper())
        writer.close()
    async def ask(i):
        reader, writer = await asyncio.open_unix_connection("/tmp/server")
        writer.write(b"hello %d\n" % i)
        return await reader.read()
    async with await asyncio.start_unix_server(serve, "/tmp/server"):
        print(await asyncio.gather(*map(ask, range(50))) == [b"HELLO %d\n" % i for i in range(50)])

asyncio.run(main())
here, there = multiprocessing.Pipe()
child = multiprocessing.Process(target=send, args=(there,))
child.start()
print(here.recv())
child.join()
with multiprocessing.Pool(3) as pool: print(sum(pool.map(square, range(100))))
with multiprocessing.Manager() as manager:
    shared = manager.dict(a=1)
    print(dict(shared))
SCRIPT
py
status_is 0
stdout_is True '[1, 2, 3]' 328350 "{'a': 1}"

claim "TCP on loopback: an echo server in a thread and in forked processes, half-closed, IPv4 and IPv6 through one listener"
needs python
cat >job.py <<'SCRIPT'
import os, socket, threading
server = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
port = server.getsockname()[1]

def serve(times):
    for _ in range(times):
        connection, _ = server.accept()
        while data := connection.recv(65536): connection.sendall(data)
        connection.close()

def ask(host):
    client = socket.create_connection((host, port))
    sender = threading.Thread(target=lambda: (client.sendall(b"x" * 2_000_000), client.shutdown(socket.SHUT_WR)))
    sender.start()
    size = sum(len(part) for part in iter(lambda: client.recv(65536), b""))
    sender.join()
    return size

thread = threading.Thread(target=serve, args=(2,))
thread.start()
print(ask("127.0.0.1"), ask("::1"))
thread.join()
if os.fork() == 0:
    serve(1)
    os._exit(0)
server.close()
print(ask("localhost"), os.wait()[1])
SCRIPT
py
status_is 0
stdout_is '2000000 2000000' '2000000 0'

claim "TCP: refused, unreachable and unavailable addresses, a reset, and a connection that is not waited for"
needs python
cat >job.py <<'SCRIPT'
import errno, select, socket, struct
def error(f, *arguments):
    try: return f(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
server = socket.create_server(("127.0.0.1", 0))
here = server.getsockname()
print(error(socket.create_connection, ("127.0.0.1", 1)), error(socket.create_connection, ("192.0.2.1", 80)))
print(error(socket.socket().bind, ("192.0.2.1", 0)), error(socket.socket().bind, here))
client = socket.socket()
client.setblocking(False)
print(error(client.connect, here), select.select([], [client], [], 5)[1] == [client],
      client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), client.connect_ex(here), error(client.connect, here))
accepted, _ = server.accept()
accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
accepted.close()
print(error(client.recv, 1), error(client.send, b"x"))
refused = socket.socket()
refused.setblocking(False)
print(error(refused.connect, ("127.0.0.1", 1)), select.select([], [refused], [], 5)[1] == [refused],
      errno.errorcode[refused.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])
SCRIPT
py
status_is 0
stdout_is 'ECONNREFUSED ENETUNREACH' 'EADDRNOTAVAIL EADDRINUSE' 'EINPROGRESS True 0 0 EISCONN' 'ECONNRESET EPIPE' \
  'EINPROGRESS True ECONNREFUSED'

claim "UDP over IPv4 and IPv6: whole messages, truncation told, and who is connected hears that nobody is there"
needs python
cat >job.py <<'SCRIPT'
import socket
for family, host in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind((host, 0))
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.connect(server.getsockname())
    client.send(b"x" * 60000)
    client.send(b"second")
    data, name = server.recvfrom(65536)
    data2, _, flags, _ = server.recvmsg(3)
    print(len(data), name[0], data2, flags & socket.MSG_TRUNC != 0)
    server.close()
    client.send(b"lost")
    try: client.recv(1)
    except ConnectionRefusedError: print("refused")
SCRIPT
py
status_is 0
stdout_is "60000 127.0.0.1 b'sec' True" refused "60000 ::1 b'sec' True" refused

claim "http.server answers urllib, a threading server answers threads, and edge-triggered epoll sees every arrival"
needs python
cat >job.py <<'SCRIPT'
import http.server, select, socket, socketserver, threading, urllib.request
class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.upper())
    def log_message(self, *arguments): pass
with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://localhost:%d/" % server.server_port
    answers = []
    def ask(n): answers.append(urllib.request.urlopen(url, b"body %d" % n, timeout=20).read())
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(sorted(answers) == sorted(b"BODY %d" % n for n in range(20)))
    server.shutdown()
a, b = socket.socketpair()
poller = select.epoll()
poller.register(b, select.EPOLLIN | select.EPOLLET)
seen = []
for part in b"one", b"two":
    a.send(part)
    seen.append(len(poller.poll(5)))
    seen.append(len(poller.poll(0)))
print(seen, b.recv(10))
SCRIPT
py
status_is 0
stdout_is True "[1, 0, 1, 0] b'onetwo'"

claim "the interfaces are loopback alone: if_nameindex, getaddrinfo, SIOCGIFADDR and /proc/net say so"
needs python
cat >job.py <<'SCRIPT'
import fcntl, socket, struct
print(socket.if_nameindex(), socket.if_nametoindex("lo"))
print(sorted(a[4][0] for a in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)))
with socket.create_server(("127.0.0.1", 4000)) as server:
    print(fcntl.ioctl(server, 0x8915, struct.pack("40s", b"lo"))[20:24])
    print([line.split()[1:4] for line in open("/proc/net/tcp")][1:])
print([line.split(":")[0].strip() for line in open("/proc/net/dev")][2:])
SCRIPT
py
status_is 0
stdout_is "[(1, 'lo')] 1" "['127.0.0.1', '::1']" "b'\\x7f\\x00\\x00\\x01'" "[['0100007F:0FA0', '00000000:0000', '0A']]" "['lo']"

claim "vsock carries bytes inside the guest; the host has nobody for a program"
tiny_only "our Linux has no loopback of vsock"
needs python
cat >job.py <<'SCRIPT'
import fcntl, socket, struct
own = struct.unpack("I", fcntl.ioctl(open("/dev/vsock", "rb"), socket.IOCTL_VM_SOCKETS_GET_LOCAL_CID, b"    "))[0]
server = socket.socket(socket.AF_VSOCK)
server.bind((socket.VMADDR_CID_ANY, 5000))
server.listen()
for cid in 1, own:
    client = socket.socket(socket.AF_VSOCK)
    client.connect((cid, 5000))
    connection, _ = server.accept()
    client.sendall(b"inside")
    client.close()
    print(connection.recv(100), connection.recv(100))
for port in 1, 2, 1024, 5000:
    try: socket.socket(socket.AF_VSOCK).connect((socket.VMADDR_CID_HOST, port))
    except ConnectionResetError: print("nobody")
SCRIPT
py
status_is 0
stdout_is "b'inside' b''" "b'inside' b''" nobody nobody nobody nobody
