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
    # The compilers live in a chroot of their own, of which only what they made is kept.
    (
        packages="golang-go rustc"
        mkdir -p "$1.build"
        debian_tree "$1.build" \
            --customize-hook="mkdir -p \"\$1/opt/source\" && cp $sources/build.sh $sources/go/* $sources/rust/* \"\$1/opt/source\"" \
            --customize-hook='chroot "$1" sh /opt/source/build.sh' \
            --dpkgopt='path-exclude=/usr/share/gocode/*' --dpkgopt='path-exclude=/usr/share/go-*/test/*'
    )
    debian_tree "$1"
    mkdir -p opt
    cp "$1.build"/opt/compiled/* opt/
    rm -rf "$1.build"
}
