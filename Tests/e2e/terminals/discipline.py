"""Drives a pseudo-terminal from both sides and prints what each saw. The end-to-end test runs it on the host too: the two
answers must be the same, byte for byte.

Nothing here depends on how it was begun (nohup and `&` leave signals ignored), nor on how fast the machine is: what is to be said is
waited for until it is there, and only where nothing more must come does a short while without anything count.
"""
import os, pty, sys, termios, tty, fcntl, struct, signal, time, select, errno
PATIENCE=60  # seconds; for an answer that does not come at all
for number in range(1,signal.NSIG):
    if number not in (signal.SIGKILL,signal.SIGSTOP) and signal.getsignal(number)==signal.SIG_IGN:
        signal.signal(number,signal.SIG_DFL)
signal.signal(signal.SIGPIPE,signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_SETMASK,[])
def show(fd, want=None, rest=True):
    """What comes, with `want` in it (on the host echo comes in its own time); then, unless `rest` is False, what else comes until
    nothing does for a while."""
    out=b''
    end=time.monotonic()+PATIENCE
    while time.monotonic()<end:
        missing=want is not None and want not in out
        r,_,_=select.select([fd],[],[],0.2)
        if r:
            try: d=os.read(fd,4096)
            except OSError as e:
                out+=b'<%s>'%errno.errorcode[e.errno].encode(); break
            if not d: break
            out+=d
        elif not missing: break
        if not rest and want in out: break
    return out
def asleep(pid):
    # Python acts on a signal that comes just before read() only when read() has returned: let the child be in it.
    end=time.monotonic()+PATIENCE
    while open('/proc/%d/stat'%pid).read().rsplit(')',1)[1].split()[0]!='S' and time.monotonic()<end: time.sleep(0.01)
def queued(fd, want):
    """FIONREAD, once it is `want`, or after a while."""
    end=time.monotonic()+PATIENCE
    while True:
        n,=struct.unpack('i',fcntl.ioctl(fd,termios.FIONREAD,b'\0'*4))
        if n==want or time.monotonic()>end: return n
        time.sleep(0.01)
m,s=pty.openpty()
print(os.ttyname(s).startswith('/dev/pts/'), os.isatty(s), os.isatty(m))
a=termios.tcgetattr(s)
print([hex(x) for x in a[:4]], a[4:6], a[6][:17])
os.write(m,b'hello\r')
print(os.read(s,100), show(m,b'\r\n'))
os.write(m,b'abcd\x7f\x7fx\x15one two\x17three\n')
print(os.read(s,100), show(m,b'\r\n'))
os.write(m,b'a\tb\x7f\x7fz\x01\x7f\n'); print(os.read(s,100), show(m,b'\r\n'))
os.write(m,b'part\x04'); print(os.read(s,100)); os.write(m,b'\x04'); print(os.read(s,100), show(m,b'part'))
os.write(m,b'\x16\x03lit\n'); print(os.read(s,100), show(m,b'\r\n'))
os.write(s,b'l1\nl2\n'); print(show(m,b'l2\r\n'))
fcntl.ioctl(m,termios.TIOCSWINSZ,struct.pack('HHHH',33,99,1,2)); print(os.get_terminal_size(s))
os.write(m,b'abc'); show(m,b'abc'); print('n',queued(s,0)); os.write(m,b'\n'); print('n',queued(s,4)); show(m,b'\r\n')
termios.tcflush(s,termios.TCIFLUSH); print('fl',select.select([s],[],[],0)[0])
os.write(m,b'X'*5000+b'\n'); 
d=b''
while not d.endswith(b'\n'): d+=os.read(s,10000)
print('long', len(d), len(show(m)))
tty.setraw(s)
os.write(m,b'raw\r\x03'); print(os.read(s,100), show(m))
b=termios.tcgetattr(s); b[6][termios.VMIN]=0; b[6][termios.VTIME]=2; termios.tcsetattr(s,termios.TCSANOW,b)
t=time.monotonic(); print(os.read(s,10), 0.15<time.monotonic()-t)
b[6][termios.VMIN]=5; b[6][termios.VTIME]=0; termios.tcsetattr(s,termios.TCSANOW,b)
os.write(m,b'12'); print(select.select([s],[],[],0.05)[0]); os.write(m,b'345'); print(os.read(s,10))
b[6][termios.VMIN]=5; b[6][termios.VTIME]=1; termios.tcsetattr(s,termios.TCSANOW,b)
os.write(m,b'12'); print(os.read(s,10))
os.close(s); print(show(m))
try: os.read(m,10)
except OSError as e: print(e.errno)
os.close(m)
# fork: controlling terminal
pid,fd=pty.fork()
if pid==0:
    signal.signal(signal.SIGINT, lambda *_: (os.write(1,b'INT!\n')))
    signal.signal(signal.SIGWINCH, lambda *_: (os.write(1,b'WINCH %d\n'%os.get_terminal_size().columns)))
    t=os.open('/dev/tty',os.O_RDWR); os.write(t,b'tty ok %d\n'%(os.tcgetpgrp(t)==os.getpgrp()))
    st=open('/proc/self/stat').read().rsplit(')',1)[1].split()
    print('stat', int(st[4])!=0, int(st[5])==os.getpgrp(), int(st[3])==os.getsid(0), flush=True)
    while True:
        l=sys.stdin.readline()
        if not l: break
        print('got',repr(l),flush=True)
    print('bye',flush=True); os._exit(7)
print(show(fd,b'stat True True True\r\n',False))
asleep(pid); os.write(fd,b'\x03'); print(show(fd,b'INT!\r\n',False))
asleep(pid); fcntl.ioctl(fd,termios.TIOCSWINSZ,struct.pack('HHHH',10,77,0,0)); print(show(fd,b'WINCH 77\r\n',False))
os.write(fd,b'line\n'); print(show(fd,b"got 'line\\n'\r\n",False))
os.write(fd,b'\x04'); print(show(fd,b'bye\r\n',False)); print(show(fd,b'<',False))
print(os.waitstatus_to_exitcode(os.waitpid(pid,0)[1]))
# hang-up
pid,fd=pty.fork()
if pid==0:
    os.write(1,b'up\n'); time.sleep(PATIENCE); os._exit(0)
show(fd,b'up\r\n',False); os.close(fd); print('hup',os.waitpid(pid,0)[1])
# kill with ^\ and ^Z
pid,fd=pty.fork()
if pid==0:
    os.write(1,b'up\n'); time.sleep(PATIENCE); os._exit(0)
show(fd,b'up\r\n',False); os.write(fd,b'\x1c'); print('quit',os.waitpid(pid,0)[1]&0x7f); os.close(fd)
print(sorted(x for x in os.listdir('/dev/pts') if x=='ptmx'))
