# description: the kernel linux with the debug options that watch its drivers, for the test of our devices
# needs: gcc=gcc make=make ld=binutils flex=flex bison=bison bc=bc xz=xz-utils perl=perl /usr/include/gelf.h=libelf-dev
#
# See images/linux for what a kernel's recipe is.

. "$1/package.sh"
. "$1/linux.sh"
recipe=$(cd "$1" && pwd)

inputs() { linux_inputs; }

tree() { linux_tree "$1" "$recipe/options" "$recipe/options.debug"; }
