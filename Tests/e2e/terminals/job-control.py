"""An interactive bash on a pseudo-terminal: Ctrl-Z, jobs, fg, bg, Ctrl-C, background reads and writes.

Nothing here waits for a time to pass, only for what has been said and for the state of a process: what is printed is the same
on a slow machine.
"""
import os, pty, re, select, signal, sys, time

PATIENCE = 60  # seconds; for an answer that does not come at all
PROMPT = b'$ '

pid, fd = pty.fork()
if pid == 0:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored, if somebody has begun us in the background
    os.environ['PS1'] = PROMPT.decode()
    # Two commands that wait until the last background process has stopped, or has ended, and begin no other process for it.
    os.environ['BASH_FUNC_stopped%%'] = '() { until read -r _ _ s _ </proc/$!/stat; [ "$s" = T ]; do :; done; }'
    os.environ['BASH_FUNC_ended%%'] = '() { while [ -d /proc/$! ]; do :; done; }'
    os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])

unread = b''


def said(wanted):
    """What bash says up to and with `wanted`, or, for None, up to its end. What it says after that is the next call's."""
    global unread
    end = time.monotonic() + PATIENCE
    while wanted is None or wanted not in unread:
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            out, unread = unread, b''
            return out + b'<TIMEOUT waiting for %r>' % wanted
        try:
            unread += os.read(fd, 4096)
        except OSError:
            out, unread = unread, b''
            return out + b'<EIO>'
    end = unread.index(wanted) + len(wanted)
    out, unread = unread[:end], unread[end:]
    return out


def step(keys, wanted=PROMPT):
    os.write(fd, keys)
    out = re.sub(rb'\x1b\[\?2004[hl]\r?', b'', said(wanted))
    out = re.sub(rb'\[1\][-+]', b'[1]', re.sub(rb'\[1\] \d+', b'[1] PID', out))
    print(out.decode(errors='replace').replace('\r\n', '\n'), flush=True)


def in_front(program):
    """Waits until the terminal's foreground process is `program`: from then on a key is its signal."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with open(f'/proc/{os.tcgetpgrp(fd)}/comm') as comm:
                if comm.read() == program + '\n':
                    return
        except OSError:
            pass  # it has ended between the two calls
        time.sleep(0.01)
    print(f'<TIMEOUT: {program} is not in the foreground>')


print(said(PROMPT).count(b'$'))
step(b'sleep 100\n', b'\n')
in_front('sleep')
step(b'\x1a')
step(b'jobs\n')
step(b'bg\n')
step(b'jobs\n')
step(b'fg\n', b'sleep 100\r\n')
in_front('sleep')
step(b'\x03')
step(b'echo $?\n')
step(b'cat & stopped\n')
step(b'jobs\n')
step(b'kill %1; ended\n')
step(b'stty tostop; (echo bgout) & stopped\n')
step(b'jobs\n')
step(b'fg\n', b'bgout')
step(b'', PROMPT)
step(b'set -o | grep monitor\n')
step(b'tty >/dev/null; echo $?; stty size\n')
step(b'(exec 3</dev/tty; tty <&3)\n')
step(b'exit 5\n', None)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
