"""An interactive bash on a pseudo-terminal: Ctrl-Z, jobs, fg, bg, Ctrl-C, background reads and writes."""
import os, pty, signal, sys, time, select, re
def show(fd, want=None, t=5):
    out=b''
    end=time.time()+t
    while time.time()<end:
        r,_,_=select.select([fd],[],[],0.3)
        if r:
            try: d=os.read(fd,4096)
            except OSError as e: out+=b'<EIO>'; break
            out+=d
            if want and want in out: break
    else:
        if want: out+=b'<TIMEOUT waiting %r>'%want
    return out
pid,fd=pty.fork()
if pid==0:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored, if somebody has begun us in the background
    os.environ['PS1']='$ '
    os.execvp('bash',['bash','--norc','--noprofile','-i'])
def step(cmd, want=b'$ '):
    os.write(fd,cmd)
    time.sleep(0.15)
    out=show(fd,want)
    out = re.sub(rb'\[1\] \d+', b'[1] PID', re.sub(rb'\x1b\[\?2004[hl]\r?', b'', out))
    print(re.sub(rb'\[1\][-+]', b'[1]', out).decode(errors='replace').replace('\r\n','\n'))
    sys.stdout.flush()
print(show(fd,b'$ ').count(b'$'))
step(b'sleep 100\n', b'\n')
time.sleep(0.3)
step(b'\x1a')
step(b'jobs\n')
step(b'bg\n')
step(b'jobs\n')
step(b'fg\n', b'sleep 100')
time.sleep(0.3)
step(b'\x03')
step(b'echo $?\n')
step(b'cat &\n')
time.sleep(0.3)
step(b'jobs\n')
step(b'kill %1; sleep 0.2\n')
step(b'stty tostop; (echo bgout) & sleep 0.3\n')
step(b'jobs\n')
step(b'fg\n', b'bgout')
step(b'set -o | grep monitor\n')
step(b'tty >/dev/null; echo $?; stty size\n')
step(b'(exec 3</dev/tty; tty <&3)\n')
step(b'exit 5\n', b'EIO')
print(os.waitstatus_to_exitcode(os.waitpid(pid,0)[1]))
