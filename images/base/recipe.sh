# description: one static busybox with all its applets; the default image
# needs: busybox=busybox-static
#
# A recipe is read by `swiftlet image build`. `needs` names commands and the Debian package each comes from; `inputs` prints
# what else than this directory decides the content; `tree` fills the directory $1. Owners and times do not matter: every
# file of an image belongs to root and has one fixed time.

inputs() {
    dpkg-query --show --showformat='${Package} ${Version} ${Architecture}\n' busybox-static
}

tree() {
    busybox=$(command -v busybox)
    cd "$1"
    mkdir -p usr/bin usr/share etc root job tmp var/tmp run dev proc sys home
    chmod 1777 tmp var/tmp
    chmod 700 root
    ln -s usr/bin bin
    ln -s usr/bin sbin
    ln -s bin usr/sbin
    ln -s ../run var/run

    cp "$busybox" usr/bin/busybox
    chmod 755 usr/bin/busybox
    for applet in $("$busybox" --list); do
        [ "$applet" = busybox ] || ln -s busybox "usr/bin/$applet"
    done

    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > etc/passwd
    printf 'root:x:0:\nnogroup:x:65534:\n' > etc/group
    printf '127.0.0.1 localhost\n::1 localhost\n' > etc/hosts
    printf 'swiftlet\n' > etc/hostname
    printf 'PRETTY_NAME="swiftlet base (busybox)"\nID=swiftlet-base\n' > etc/os-release
}
