"""Drives a pseudo-terminal from both sides and prints what each saw. The end-to-end test runs it on the host too: the two
answers must be the same, byte for byte."""
import os, pty, sys, termios, tty, fcntl, struct, signal, time, select, errno
def show(fd, want=None, t=3):
    out=b''
    end=time.time()+t
    while time.time()<end:
        r,_,_=select.select([fd],[],[],0.2)
        if r:
            try: d=os.read(fd,4096)
            except OSError as e:
                out+=b'<%s>'%errno.errorcode[e.errno].encode(); break
            if not d: break
            out+=d
            if want and want in out: break
        elif not want: break
    return out
def asleep(pid):
    # Python acts on a signal that comes just before read() only when read() has returned: let the child be in it.
    end=time.time()+30
    while open('/proc/%d/stat'%pid).read().rsplit(')',1)[1].split()[0]!='S' and time.time()<end: time.sleep(0.01)
m,s=pty.openpty()
print(os.ttyname(s).startswith('/dev/pts/'), os.isatty(s), os.isatty(m))
a=termios.tcgetattr(s)
print([hex(x) for x in a[:4]], a[4:6], a[6][:17])
os.write(m,b'hello\r')
print(os.read(s,100), show(m))
os.write(m,b'abcd\x7f\x7fx\x15one two\x17three\n')
print(os.read(s,100), show(m))
os.write(m,b'a\tb\x7f\x7fz\x01\x7f\n'); print(os.read(s,100), show(m))
os.write(m,b'part\x04'); print(os.read(s,100)); os.write(m,b'\x04'); print(os.read(s,100), show(m))
os.write(m,b'\x16\x03lit\n'); print(os.read(s,100), show(m))
os.write(s,b'l1\nl2\n'); print(show(m))
fcntl.ioctl(m,termios.TIOCSWINSZ,struct.pack('HHHH',33,99,1,2)); print(os.get_terminal_size(s))
os.write(m,b'abc'); time.sleep(0.1); r=fcntl.ioctl(s,termios.FIONREAD,b'\0'*4); print('n',struct.unpack('i',r)); os.write(m,b'\n'); time.sleep(0.1); r=fcntl.ioctl(s,termios.FIONREAD,b'\0'*4); print('n',struct.unpack('i',r)); show(m)
termios.tcflush(s,termios.TCIFLUSH); print('fl',select.select([s],[],[],0)[0])
os.write(m,b'X'*5000+b'\n'); 
d=b''
while not d.endswith(b'\n'): d+=os.read(s,10000)
print('long', len(d), len(show(m)))
tty.setraw(s)
os.write(m,b'raw\r\x03'); print(os.read(s,100), show(m,None))
b=termios.tcgetattr(s); b[6][termios.VMIN]=0; b[6][termios.VTIME]=2; termios.tcsetattr(s,termios.TCSANOW,b)
t=time.time(); print(os.read(s,10), 0.15<time.time()-t<0.6)
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
print(show(fd,b'stat True True True\r\n'))
asleep(pid); os.write(fd,b'\x03'); print(show(fd,b'INT!\r\n'))
asleep(pid); fcntl.ioctl(fd,termios.TIOCSWINSZ,struct.pack('HHHH',10,77,0,0)); print(show(fd,b'WINCH 77\r\n'))
os.write(fd,b'line\n'); print(show(fd,b"got 'line\\n'\r\n"))
os.write(fd,b'\x04'); print(show(fd,b'bye\r\n')); print(show(fd,b'EIO'))
print(os.waitstatus_to_exitcode(os.waitpid(pid,0)[1]))
# hang-up
pid,fd=pty.fork()
if pid==0:
    os.write(1,b'up\n'); time.sleep(10); os._exit(0)
show(fd,b'up\r\n'); os.close(fd); print('hup',os.waitpid(pid,0)[1])
# kill with ^\ and ^Z
pid,fd=pty.fork()
if pid==0:
    os.write(1,b'up\n'); time.sleep(10); os._exit(0)
show(fd,b'up\r\n'); os.write(fd,b'\x1c'); print('quit',os.waitpid(pid,0)[1]&0x7f); os.close(fd)
print(sorted(x for x in os.listdir('/dev/pts') if x=='ptmx'))
