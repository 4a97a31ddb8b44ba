# What the recipes of Debian 12 images share; read by a recipe, not a recipe itself.
#
# A recipe's folder has a link `debian.sh -> ../debian.sh`, so that this file counts as part of the recipe: a change here rebuilds
# every Debian image and no other. The recipe reads it with `. "$1/debian.sh"` (its own folder is $1), sets
#
#     packages   what to install, separated by blanks; Recommends are not followed
#     unwanted   what to take out again, whatever depends on it (the value below, unless the recipe sets another)
#
# and has `inputs` call debian_inputs and `tree` call debian_tree, as images/python does. See images/base for what a recipe is.

suite=bookworm
# Came with the essential package usrmerge, which is done once the packages are installed: all of Perl. perl-base stays. An image
# that wants Perl sets unwanted=usrmerge.
unwanted="usrmerge perl perl-modules-5.36 libperl5.36 libfile-find-rule-perl libnumber-compare-perl libtext-glob-perl"

# debian_inputs: the versions that decide the content.
debian_inputs() {
    dpkg-query --show --showformat='${Package} ${Version}\n' mmdebstrap
    # shellcheck disable=SC2086  # a list of words
    apt-cache policy libc6 $packages | awk '/^[^ ]/ { name = $1 } /Candidate:/ { print name, $2 }'
}

# debian_tree DIRECTORY [OPTION...]: fills DIRECTORY with `packages`. The options go to mmdebstrap: `--customize-hook` runs once
# all is installed and before dpkg's and apt's own files go. Leaves the shell in DIRECTORY.
debian_tree() {
    tree=$1
    shift
    # A tar file in between: whatever happens inside mmdebstrap's chroot, its mounts are its own to undo.
    mmdebstrap --variant=essential --include="$(echo "$packages" | tr -s ' \n' ',,')" \
        --aptopt='Apt::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/lintian/*' --dpkgopt='path-exclude=/usr/share/bug/*' \
        --customize-hook="chroot \"\$1\" dpkg --purge --force-depends $unwanted" \
        "$@" \
        --customize-hook='rm -rf "$1"/var/lib/apt "$1"/var/lib/dpkg "$1"/var/cache "$1"/var/log "$1"/usr/share/doc' \
        --skip=output/dev "$suite" "$tree.tar"
    tar --extract --file "$tree.tar" --directory "$tree" --no-same-owner
    rm "$tree.tar"

    cd "$tree"
    mkdir -p job var/cache var/log var/lib/dpkg dev proc sys
    printf 'swiftlet\n' > etc/hostname
    printf '127.0.0.1 localhost\n::1 localhost\n' > etc/hosts
}

# debian_source PACKAGE DIRECTORY: unpacks the source of PACKAGE, Debian's patches applied, into DIRECTORY/PACKAGE. Uses package
# lists of its own: few hosts have deb-src. A recipe that calls it needs patch and xz.
debian_source() {
    mkdir -p "$2/lists/partial" "$2/archives/partial"
    cd "$2"
    printf 'deb-src http://deb.debian.org/debian %s main\n' "$suite" > sources.list
    cat > apt.conf << END
Dir::Etc::SourceList "$2/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$2/lists";
Dir::Cache "$2";
APT::Sandbox::User "root";
END
    APT_CONFIG=$2/apt.conf apt-get --quiet update
    APT_CONFIG=$2/apt.conf apt-get --quiet --download-only source "$1"
    mkdir "$1"
    tar --extract --file "$1"_*.orig.tar.?z --directory "$1" --strip-components 1
    # Further parts of a source have their own archives and belong into folders of their names.
    for part in "$1"_*.orig-*.tar.?z; do
        [ -e "$part" ] || continue
        name=${part##*.orig-}
        mkdir -p "$1/${name%.tar.*}"
        tar --extract --file "$part" --directory "$1/${name%.tar.*}" --strip-components 1
    done
    tar --extract --file "$1"_*.debian.tar.?z
    sed 's/#.*//; s/ .*//; /^$/d' debian/patches/series | while read -r name; do
        patch --quiet --force --strip 1 --directory "$1" < "debian/patches/$name"
    done
}
