# description: Debian 12 with python3, bash, coreutils and what scripts commonly call
# needs: mmdebstrap=mmdebstrap
#
# See images/base for what a recipe is and images/debian.sh for what the Debian ones share.

. "$1/debian.sh"
recipe=$(cd "$1" && pwd)
packages="python3 bash coreutils findutils diffutils grep sed mawk tar gzip bzip2 xz-utils procps bc file jq"

inputs() { debian_inputs; }

# Compiled once here, and not in each job; with checkpoint(), for templates.
tree() {
    debian_tree "$1" \
        --customize-hook="cp --remove-destination -L $recipe/sitecustomize.py \"\$1\"/usr/lib/python3.11/" \
        --customize-hook='chroot "$1" find /usr/lib/python3 /usr/lib/python3.11 -name __pycache__ -prune -exec rm -r {} +' \
        --customize-hook='chroot "$1" python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.11'
}
