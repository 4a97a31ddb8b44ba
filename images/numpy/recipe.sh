# description: Debian 12 with python3, numpy and pandas
# needs: mmdebstrap=mmdebstrap

. "$1/debian.sh"
recipe=$(cd "$1" && pwd)
packages="python3 python3-numpy python3-pandas bash coreutils"

inputs() { debian_inputs; }

tree() {
    # Like images/python: byte code that needs no look at its source. Its modules' own tests are left out.
    debian_tree "$1" \
        --customize-hook="cp --remove-destination -L $recipe/sitecustomize.py \"\$1\"/usr/lib/python3.11/" \
        --customize-hook='chroot "$1" find /usr/lib/python3 /usr/lib/python3.11 -name __pycache__ -prune -exec rm -r {} +' \
        --customize-hook='chroot "$1" python3 -m compileall -q -f -j 2 -x /tests/ --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.11'
    find usr/lib/python3/dist-packages -type d -name tests -prune -exec rm -r {} +
}
