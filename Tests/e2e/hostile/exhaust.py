# exhaust.py WHAT: takes as much of one thing as the guest kernel gives, in a job of little memory. However it ends, the kernel
# does not: the last line says what was refused, or the process is ended.
import ctypes, fcntl, mmap, os, resource, signal, socket, sys, time

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p


def page_tables():
    """One page of a file in every 2 MiB: nothing but page tables is used up."""
    file = os.open("/usr/bin/python3", os.O_RDONLY)
    for i in range(200_000):
        at = 0x1000_0000_0000 + i * (2 << 20)
        if libc.mmap(ctypes.c_size_t(at), ctypes.c_size_t(4096), 1, 0x12, file, ctypes.c_size_t(0)) == ctypes.c_void_p(-1).value:
            return i, ctypes.get_errno()
        ctypes.string_at(at, 1)


def areas():
    """As many areas as there may be, in each of many processes."""
    for n in range(1000):
        region = libc.mmap(0, ctypes.c_size_t(140_000 * 4096), 0, 0x4022, -1, 0)
        for i in range(70_000):
            if libc.mprotect(ctypes.c_size_t(region + i * 8192), ctypes.c_size_t(4096), 1):
                break
        try:
            pid = os.fork()
        except OSError as error:
            return n, error.errno
        if pid:  # keeps its areas until the last one has been refused
            os.waitpid(pid, 0)
            return n, 0


def processes():
    alive = 0
    while True:
        try:
            if os.fork() == 0:
                time.sleep(1000)
        except OSError as error:
            return alive, error.errno
        alive += 1


def full_pipes():
    resource.setrlimit(resource.RLIMIT_NOFILE, (100_000, 100_000))
    for n in range(50_000):
        try:
            reader, writer = os.pipe()
            fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
            os.write(writer, b"x" * 65536)
        except OSError as error:
            return n, error.errno


def descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (300_000, 300_000))
    try:
        while True:
            os.eventfd(0)
    except OSError as error:
        return error.errno


def files():
    n = 0
    try:
        while True:
            os.close(os.open(f"/tmp/{'name' * 20}{n}", os.O_CREAT | os.O_WRONLY))
            n += 1
    except OSError as error:
        return n > 1000, error.errno


def sockets():
    resource.setrlimit(resource.RLIMIT_NOFILE, (100_000, 100_000))
    kept = []
    try:
        while True:
            pair = socket.socketpair()
            pair[0].setblocking(False)
            kept.append(pair)
            try:
                while True:
                    pair[0].send(b"x" * 65536)
            except BlockingIOError:
                pass
    except OSError as error:
        return len(kept), error.errno


def arguments():
    for n in range(100):
        try:
            if os.fork() == 0:
                os.execv("/bin/sleep", ["sleep"] + ["100" + "0" * 100_000] * 18)
        except OSError as error:
            return n, error.errno


def shared_memory():
    for n in range(10_000):
        m = libc.mmap(0, ctypes.c_size_t(32 << 20), 3, 0x21, -1, 0)
        if m == ctypes.c_void_p(-1).value:
            return n, ctypes.get_errno()
        ctypes.memset(m, 1, 4096)


def hog():
    child = os.fork()
    if child == 0:
        blocks = []  # small ones: a request for more than there is would be refused, and nobody ended
        while True:
            blocks.append(b"x" * (1 << 22))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


print(sys.argv[1], globals()[sys.argv[1]]())
