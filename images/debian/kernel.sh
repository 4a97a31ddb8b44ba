# description: Debian's linux-image-cloud-amd64 as it comes, and the modules that our init loads, for --kernel debian
# needs: modinfo=kmod cpio=cpio xz=xz-utils
#
# See images/linux for what a kernel's recipe is.

. "$1/package.sh"

# What init needs of it, and what they depend on. A module that this version has built in is left out.
modules="virtio_mmio virtio_blk erofs overlay vmw_vsock_virtio_transport virtio_console virtio-rng virtio_balloon"

# The package that the name without a version stands for.
kernel_package() {
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image-/ { print $2; exit }')
    if [ -z "$package" ]; then
        echo "no package linux-image-cloud-amd64 in apt's lists; run: sudo apt-get update" >&2
        return 1
    fi
    echo "$package"
}

inputs() {
    package=$(kernel_package)
    echo "$package $(package_hash "$package")"
}

# module_file MODULE: its file. A list of dependencies may have an underscore where a file's name has a hyphen.
module_file() {
    find package -path '*/lib/modules/*' -name "$(echo "$1" | sed 's/[-_]/[-_]/g').ko*" -print -quit
}

# add MODULE: puts it into initramfs/modules, behind all that it depends on.
add() {
    if grep -qx "$1" added; then return; fi
    echo "$1" >> added
    if [ -z "$(module_file "$1")" ]; then
        if grep -q "/$(echo "$1" | sed 's/[-_]/[-_]/g')\.ko" builtin; then return; fi
        echo "the package has no module $1" >&2
        return 1
    fi
    for dependency in $(modinfo --field depends "$(module_file "$1")" | tr ',' ' '); do add "$dependency"; done
    file=$(module_file "$1")
    name=$(basename "${file%.xz}")
    case $file in
    *.xz) xz --decompress --stdout "$file" > "initramfs/modules/$name" ;;
    *) cp "$file" "initramfs/modules/$name" ;;
    esac
    echo "$name" >> initramfs/modules/order
}

tree() {
    package_unpack "$(kernel_package)" "$TMPDIR/package"
    cd "$TMPDIR"
    mkdir -p initramfs/modules
    : > added
    find package -name modules.builtin -exec cat {} + > builtin
    for module in $modules; do add "$module"; done
    cp package/boot/vmlinuz-* "$1/kernel"
    # The same input gives the same bytes.
    find initramfs -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
    (cd initramfs && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet --create --format newc --owner 0:0 --reproducible) > "$1/initramfs"
}
