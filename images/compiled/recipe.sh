# description: programs compiled with Debian's golang and rustc (the sources are beside this file) in /opt, and sqlite3
# needs: mmdebstrap=mmdebstrap

. "$1/debian.sh"
packages="sqlite3 bash coreutils"
sources=$1

inputs() {
    debian_inputs
    apt-cache policy golang-go rustc | awk '/^[^ ]/ { name = $1 } /Candidate:/ { print name, $2 }'
}

tree() {
    # The compilers live in a chroot of their own, of which only what they made is taken out: a gigabyte is not packed and unpacked.
    mkdir -p "$1.build"
    mmdebstrap --variant=essential --include=golang-go,rustc --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/gocode/*' --dpkgopt='path-exclude=/usr/share/go-*/test/*' \
        --customize-hook="mkdir -p \"\$1/opt/source\" && cp $sources/build.sh $sources/go/* $sources/rust/* \"\$1/opt/source\"" \
        --customize-hook='chroot "$1" sh /opt/source/build.sh' \
        --customize-hook="copy-out /opt/compiled $1.build" \
        "$suite" /dev/null
    debian_tree "$1"
    mkdir -p opt
    cp "$1.build"/compiled/* opt/
    rm -rf "$1.build"
}
