"""`swiftlet run -it` on a terminal, as a person would use it: keys go to the job, the window's size too, and the terminal is
as it was in every ending."""
import fcntl, os, pty, select, signal, struct, sys, termios, time

swiftlet = sys.argv[1]


def show(fd, want, t=30):
    out, end = b'', time.time() + t
    while time.time() < end and want not in out:
        if select.select([fd], [], [], 0.5)[0]:
            try:
                out += os.read(fd, 4096)
            except OSError:
                return out + b'<end>'
    return out if want in out else out + b'<no %r>' % want


def start(*words, size=(31, 91)):
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', *size, 0, 0))
    before = termios.tcgetattr(slave)
    child = os.fork()
    if child == 0:
        os.close(master)
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for i in range(3):
            os.dup2(slave, i)
        os.execv(swiftlet, [swiftlet, 'run', *words])
    return master, slave, child, before


def end(child, slave, before):
    status = os.waitpid(child, 0)[1]
    after = termios.tcgetattr(slave)
    print('status', os.waitstatus_to_exitcode(status), 'restored', after == before, flush=True)


# A shell: the terminal, its size, a resize, Ctrl-C, an exit status.
master, slave, child, before = start('-it', '--', 'sh')
print(b'# ' in show(master, b'# '))
raw = termios.tcgetattr(slave)
print('raw', raw[3] & termios.ECHO == 0, raw[3] & termios.ISIG == 0)
os.write(master, b'stty size\r')
print(b'31 91\r\n' in show(master, b'31 91\r\n'))
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 12, 34, 0, 0))
time.sleep(0.3)
os.write(master, b'stty size\r')
print(b'12 34\r\n' in show(master, b'12 34\r\n'))
os.write(master, b'sleep 50; echo st=$?\r')
time.sleep(0.5)
os.write(master, b'\x03')
print(b'^C' in show(master, b'^C', 10))
os.write(master, b'test -t 0 && test -t 1 && test -t 2 && echo thr""ee; tty; echo $TERM\r')
print(b'three\r\n/dev/pts/0\r\nxterm\r\n' in show(master, b'xterm\r\n'))
os.write(master, b'exit 7\r')
end(child, slave, before)

# A long output arrives whole.
master, slave, child, before = start('-it', '--', 'seq', '20000')
text = show(master, b'\n20000\r\n')
print(text == b''.join(b'%d\r\n' % i for i in range(1, 20001)))
end(child, slave, before)

# A signal from outside.
master, slave, child, before = start('-it', '--', 'sh', '-c', 'echo up; sleep 100')
show(master, b'up\r\n')
os.kill(child, signal.SIGTERM)
end(child, slave, before)

# A time limit; a command that is not there.
master, slave, child, before = start('-it', '-q', '--timeout', '700ms', '--', 'sleep', '100')
end(child, slave, before)
master, slave, child, before = start('-it', '-q', '--', 'no-such-command')
end(child, slave, before)
