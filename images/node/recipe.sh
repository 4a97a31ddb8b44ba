# description: Debian 12 with Node.js
# needs: mmdebstrap=mmdebstrap

. "$1/debian.sh"
packages="nodejs bash coreutils"

inputs() { debian_inputs; }
tree() { debian_tree "$1"; }
