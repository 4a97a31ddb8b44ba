# description: Debian 12 with python3 and CPython's own regression tests, for Tests/programs/cpython
# needs: mmdebstrap=mmdebstrap
#
# See images/base for what a recipe is and images/debian.sh for what the Debian ones share. Beside the test suite, what its
# modules look for: venv and ensurepip's wheels, openssl, time zones, the names of ports and protocols, file types, a
# linker with its libraries, Python's makefile.

. "$1/debian.sh"
packages="python3 libpython3.11-testsuite python3.11-venv python3-distutils python3-lib2to3 bash coreutils findutils diffutils
    grep sed mawk tar gzip bzip2 xz-utils procps file openssl tzdata netbase media-types binutils libpython3.11-dev"
# Test data that is not Python 3, on purpose.
not_source='/lib2to3/tests/data/|/test/(bad_coding|badsyntax_|badcert|encoded_modules/)|/test/data/'

inputs() { debian_inputs; }

# Compiled once here, the tests too, and not in each job.
tree() {
    debian_tree "$1" \
        --customize-hook='chroot "$1" find /usr/lib/python3 /usr/lib/python3.11 -name __pycache__ -prune -exec rm -r {} +' \
        --customize-hook="chroot \"\$1\" python3 -m compileall -q -j 2 -x '$not_source' --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.11"
}
