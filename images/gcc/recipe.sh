# description: Debian 12 with gcc, g++ and make
# needs: mmdebstrap=mmdebstrap

. "$1/debian.sh"
packages="gcc g++ make libc6-dev bash coreutils diffutils"

inputs() { debian_inputs; }

tree() {
    debian_tree "$1"
    # Link-time optimisation, the sanitizers' libraries, coverage: half of the compiler's size.
    rm -rf usr/lib/gcc/x86_64-linux-gnu/12/lto1 usr/lib/gcc/x86_64-linux-gnu/12/lto-wrapper usr/bin/*gcov* usr/bin/*lto-dump* \
        usr/bin/*dwp
    for sanitizer in asan tsan lsan ubsan; do
        rm -f usr/lib/gcc/x86_64-linux-gnu/12/lib$sanitizer* usr/lib/x86_64-linux-gnu/lib$sanitizer*
    done
}
