# description: Linux with nothing that a job in a microVM does not need, for --kernel linux
# needs: gcc=gcc make=make ld=binutils flex=flex bison=bison bc=bc xz=xz-utils perl=perl /usr/include/gelf.h=libelf-dev
#
# A kernel's recipe is read by `swiftlet image build-kernel` as an image's is by `image build` (images/base): `needs`, `inputs`,
# and `tree`, which fills the directory $1: with `kernel`, a vmlinux or a bzImage, and, if it needs one, `initramfs`. A need with
# a slash is a file.

. "$1/package.sh"
. "$1/linux.sh"
recipe=$(cd "$1" && pwd)

inputs() { linux_inputs; }

tree() { linux_tree "$1" "$recipe/options"; }
