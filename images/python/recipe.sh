# description: Debian 12 with python3, bash, coreutils and what scripts commonly call
# needs: mmdebstrap=mmdebstrap
#
# Built from Debian's packages by mmdebstrap with the host's apt sources. See images/base for what a recipe is.

suite=bookworm
packages="python3 bash coreutils findutils diffutils grep sed mawk tar gzip bzip2 xz-utils procps bc file jq"
# Came with the essential package usrmerge, which is done once the packages are installed: all of Perl. perl-base stays.
unwanted="usrmerge perl perl-modules-5.36 libperl5.36 libfile-find-rule-perl libnumber-compare-perl libtext-glob-perl"

inputs() {
    dpkg-query --show --showformat='${Package} ${Version}\n' mmdebstrap
    # shellcheck disable=SC2086  # a list of words
    apt-cache policy libc6 $packages | awk '/^[^ ]/ { name = $1 } /Candidate:/ { print name, $2 }'
}

tree() {
    # A tar file in between: whatever happens inside mmdebstrap's chroot, its mounts are its own to undo.
    mmdebstrap --variant=essential --include="$(echo "$packages" | tr ' ' ',')" \
        --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/lintian/*' --dpkgopt='path-exclude=/usr/share/bug/*' \
        --customize-hook="chroot \"\$1\" dpkg --purge --force-depends $unwanted" \
        --customize-hook='chroot "$1" find /usr/lib/python3 /usr/lib/python3.11 -name __pycache__ -prune -exec rm -r {} +' \
        --customize-hook='chroot "$1" python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.11' \
        --customize-hook='rm -rf "$1"/var/lib/apt "$1"/var/lib/dpkg "$1"/var/cache "$1"/var/log "$1"/usr/share/doc' \
        --skip=output/dev "$suite" "$1.tar"
    tar --extract --file "$1.tar" --directory "$1" --no-same-owner
    rm "$1.tar"

    cd "$1"
    mkdir -p job var/cache var/log var/lib/dpkg dev proc sys
    printf 'swiftlet\n' > etc/hostname
    printf '127.0.0.1 localhost\n::1 localhost\n' > etc/hosts
}
