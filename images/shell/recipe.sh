# description: Debian 12 with bash, dash, the GNU tools, git and what else people call from a shell
# needs: mmdebstrap=mmdebstrap
#
# For Tests/programs. See images/base for what a recipe is and images/debian.sh for what the Debian ones share.

. "$1/debian.sh"
packages="bash dash coreutils findutils diffutils grep sed gawk mawk ed patch make bc dc file jq less vim-tiny
    tar cpio gzip bzip2 xz-utils zstd lz4 zip unzip git rsync curl openssl gpg sqlite3 expect busybox
    procps psmisc util-linux bsdextrautils bsdutils time strace"

inputs() { debian_inputs; }

tree() { debian_tree "$1"; }
