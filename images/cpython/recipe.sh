# description: Debian 12 with python3 and CPython's own regression tests, for Tests/programs/cpython
# needs: mmdebstrap=mmdebstrap
#
# See images/base for what a recipe is and images/debian.sh for what the Debian ones share. Beside the test suite, what its
# modules look for: venv and ensurepip's wheels, openssl, time zones, the names of ports and protocols, file types, a
# linker with its libraries, Python's makefile. Debian's package leaves the tests of sqlite3 out; they come from its source.

. "$1/debian.sh"
packages="python3 libpython3.11-testsuite python3.11-venv python3-distutils python3-lib2to3 bash coreutils findutils diffutils
    grep sed mawk tar gzip bzip2 xz-utils procps file openssl tzdata netbase media-types binutils libpython3.11-dev"
# Test data that is not Python 3, on purpose.
not_source='/lib2to3/tests/data/|/test/(bad_coding|badsyntax_|badcert|encoded_modules/)|/test/data/'

inputs() { debian_inputs; }

# source_archive DIRECTORY: Python's source as Debian has it, with an apt configuration of its own, as hosts rarely list sources.
source_archive() {
    mkdir -p "$1/lists/partial"
    echo "deb-src http://deb.debian.org/debian $suite main" > "$1/sources.list"
    (
        cd "$1"
        set -- -qq -o Dir::Etc::sourcelist="$1/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$1/lists" \
            -o APT::Sandbox::User=root
        apt-get "$@" update
        apt-get "$@" source --download-only --tar-only python3.11
    ) >&2
}

# Compiled once here, the tests too, and not in each job.
tree() {
    source=$1.source
    source_archive "$source"
    debian_tree "$1" \
        --customize-hook='chroot "$1" find /usr/lib/python3 /usr/lib/python3.11 -name __pycache__ -prune -exec rm -r {} +' \
        --customize-hook="chroot \"\$1\" python3 -m compileall -q -f -j 2 -x '$not_source' --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.11"
    tar --extract --gzip --file "$source"/python3.11_*.orig.tar.gz --directory usr/lib/python3.11/test --strip-components=3 \
        --no-same-owner --wildcards '*/Lib/test/test_sqlite3'
    rm -r "$source"
}
