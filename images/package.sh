# What the recipes of guest kernels share: one of Debian's packages, as apt's lists vouch for it. A recipe's folder has a link
# `package.sh -> ../package.sh`, as images/debian.sh explains for the images.

# package_hash PACKAGE: the SHA-256 of its newest version in apt's lists; fails where they lack it.
package_hash() {
    hash=$(apt-cache show --no-all-versions "$1" 2>/dev/null | awk '/^SHA256:/ { print $2; exit }')
    if [ -z "$hash" ]; then
        echo "no package $1 in apt's lists; run: sudo apt-get update" >&2
        return 1
    fi
    echo "$hash"
}

# package_unpack PACKAGE DIRECTORY: downloads it, compares it with that hash, and unpacks it into DIRECTORY.
package_unpack() {
    package_sha256=$(package_hash "$1")
    mkdir "$2"
    cd "$2"
    # The sandbox user could not write here; downloading needs no rights.
    apt-get --quiet -o APT::Sandbox::User="$(id -un)" download "$1"
    echo "$package_sha256  $(ls ./*.deb)" | sha256sum --check
    dpkg-deb --extract ./*.deb .
    rm ./*.deb
}
