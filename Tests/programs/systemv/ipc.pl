# System V shared memory, semaphores and messages between processes, as databases use them. Prints the same on any Linux.
use strict;
use warnings;
use IPC::SysV qw(IPC_PRIVATE IPC_CREAT IPC_EXCL IPC_NOWAIT IPC_RMID IPC_STAT SEM_UNDO SETALL GETALL SETVAL GETVAL GETPID GETNCNT ftok
    shmat shmdt memread memwrite);
use Errno qw(EEXIST ENOENT EAGAIN EIDRM EINVAL ENOMSG E2BIG ERANGE);

sub check { my ($what, $ok) = @_; print(($ok ? "ok" : "not ok ($!)"), " - $what\n") }

# Shared memory: a child's writes are seen by the parent; removed while attached, it lives on.
my $key = 0x5317;
my $segment = shmget($key, 100_000, IPC_CREAT | 0600) // die "shmget: $!";
check("the key finds it", shmget($key, 0, 0) == $segment);
check("IPC_EXCL", !defined shmget($key, 1, IPC_CREAT | IPC_EXCL) && $!{EEXIST});
check("no such key", !defined shmget(0x1234, 1, 0) && $!{ENOENT});
check("larger than it is", !defined shmget($key, 200_000, 0) && $!{EINVAL});
my $address = shmat($segment, undef, 0);
if (!fork) { shmwrite($segment, "from the child", 50_000, 14); exit 0 }
wait;
memread($address, my $read, 50_000, 14);
check("the child's writing: $read", $read eq "from the child");
my $status = "";
shmctl($segment, IPC_STAT, $status);
check("attached once", unpack("x88 Q", $status) == 1);
shmctl($segment, IPC_RMID, 0);
memwrite($address, "still here", 0, 10);
memread($address, $read, 0, 10);
check("removed and still attached: $read", $read eq "still here");
check("detached", defined shmdt($address));
check("detached twice", !defined shmdt($address) && $!{EINVAL});
check("the key is free", !defined shmget($key, 0, 0) && $!{ENOENT});

# Semaphores: mutual exclusion of four processes, all-or-nothing, undo, removal under a waiter.
my $set = semget(IPC_PRIVATE, 3, 0600) // die "semget: $!";
semctl($set, 0, SETALL, pack("s3", 1, 0, 5));
my $counter = shmget(IPC_PRIVATE, 8, 0600);
shmwrite($counter, pack("Q", 0), 0, 8);
for (1 .. 4) {
    next if fork;
    for (1 .. 50) {
        semop($set, pack("s3", 0, -1, SEM_UNDO));
        shmread($counter, my $value, 0, 8);
        select(undef, undef, undef, 0) if rand() < 0.1;
        shmwrite($counter, pack("Q", unpack("Q", $value) + 1), 0, 8);
        semop($set, pack("s3", 0, 1, SEM_UNDO));
    }
    exit 0;
}
wait for 1 .. 4;
shmread($counter, my $sum, 0, 8);
check("four times fifty: " . unpack("Q", $sum), unpack("Q", $sum) == 200);
check("all or nothing", !semop($set, pack("s6", 2, -3, IPC_NOWAIT, 1, -1, IPC_NOWAIT)) && $!{EAGAIN});
my $values = "";
semctl($set, 0, GETALL, $values);
check("nothing was changed: @{[unpack('s3', $values)]}", join(" ", unpack("s3", $values)) eq "1 0 5");
if (!fork) { semop($set, pack("s3", 2, -4, SEM_UNDO)); kill "KILL", $$; sleep 10 }
wait;
check("undone: " . semctl($set, 2, GETVAL, 0), semctl($set, 2, GETVAL, 0) == 5);
check("out of range", !semop($set, pack("s3", 2, 32767, 0)) && $!{ERANGE});
pipe(my $in, my $out);
if (!fork) {
    my $done = semop($set, pack("s3", 1, -1, 0));
    syswrite $out, !$done && $!{EIDRM} ? "removed" : "no";
    exit 0;
}
select(undef, undef, undef, 0.01) until semctl($set, 1, GETNCNT, 0) == 1;
semctl($set, 0, IPC_RMID, 0);
sysread $in, my $heard, 10;
wait;
check("the waiter hears of the removal: $heard", $heard eq "removed");

# Messages: by type, in order, with back-pressure.
my $queue = msgget(IPC_PRIVATE, 0600) // die "msgget: $!";
msgsnd($queue, pack("q a*", $_->[0], $_->[1]), 0) for [3, "three"], [1, "one"], [2, "two"], [1, "another one"];
my @order;
for my $type (1, -2, 0, 0) {
    msgrcv($queue, my $message, 100, $type, 0);
    push @order, unpack("q a*", $message);
}
check("by type: @order", "@order" eq "1 one 1 another one 3 three 2 two");
check("none left", !msgrcv($queue, my $none, 100, 0, IPC_NOWAIT) && $!{ENOMSG});
msgsnd($queue, pack("q a*", 9, "x" x 200), 0);
check("too long for the room", !msgrcv($queue, my $short, 100, 0, 0) && $!{E2BIG});
msgrcv($queue, my $cut, 100, 0, 010000);
check("cut off: " . (length($cut) - 8), length($cut) == 108);
if (!fork) { msgsnd($queue, pack("q a*", 1, "y" x 4000), 0) for 1 .. 20; exit 0 }
my $bytes = 0;
for (1 .. 20) { msgrcv($queue, my $message, 8000, 0, 0); $bytes += length($message) - 8 }
wait;
check("twenty through a queue for four: $bytes", $bytes == 80_000);
msgctl($queue, IPC_RMID, 0);
check("gone", !msgrcv($queue, my $gone, 100, 0, IPC_NOWAIT) && ($!{EIDRM} || $!{EINVAL}));
