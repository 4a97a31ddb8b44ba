# What the recipes of our own Linux kernels share; a recipe's folder has links to it and to package.sh. The recipe reads both and
# has `inputs` call linux_inputs and `tree` call linux_tree.

# The newest of Debian's sources that the options are written for.
linux_package() {
    for linux_version in 6.12 6.1; do
        if package_hash "linux-source-$linux_version" >/dev/null 2>&1; then
            echo "linux-source-$linux_version"
            return
        fi
    done
    echo "neither linux-source-6.12 nor linux-source-6.1 in apt's lists; run: sudo apt-get update" >&2
    return 1
}

# linux_inputs: what besides the recipe decides the content.
linux_inputs() {
    linux_source=$(linux_package)
    echo "$linux_source $(package_hash "$linux_source")"
    gcc -dumpfullversion
    ld --version | head -n 1
}

# linux_options VERSION FILE...: the files' options as kconfig reads them. A later file's word on an option counts.
linux_options() {
    linux_version=$1
    shift
    awk -v version="$linux_version" '
        /^#/ || /^$/ { next }
        !/^[A-Z0-9_]+=[^ ]+ +[^ ]/ { print FILENAME ": no OPTION=VALUE with a reason: " $0 > "/dev/stderr"; exit 1 }
        $2 ~ /^\[/ && $2 != "[" version "]" { next }
        { split($1, part, "="); if (!(part[1] in value)) order[++count] = part[1]
          value[part[1]] = substr($1, length(part[1]) + 2) }
        END { for (i = 1; i <= count; i++) print "CONFIG_" order[i] "=" value[order[i]] }' "$@"
}

# linux_check OPTIONS CONFIG: every option came out as it was asked for. What is off is absent from CONFIG, or a comment there.
linux_check() {
    awk -F= '
        NR == FNR { wanted[$1] = substr($0, length($1) + 2); next }
        /^CONFIG_/ { found[$1] = substr($0, length($1) + 2) }
        END {
            for (name in wanted) {
                if (!(name in found)) found[name] = "n"
                if (found[name] == wanted[name]) continue
                print name ": " found[name] ", where the options say " wanted[name]
                wrong = 1
            }
            exit wrong
        }' "$1" "$2"
}

# linux_tree DIRECTORY FILE...: fills DIRECTORY with `kernel`, an uncompressed vmlinux without symbols: the VMM maps it as it is,
# and nothing unpacks itself in the guest.
linux_tree() {
    linux_destination=$1
    shift
    linux_source=$(linux_package)
    package_unpack "$linux_source" "$TMPDIR/package"
    mkdir "$TMPDIR/linux"
    tar --extract --file "$TMPDIR/package/usr/src/$linux_source.tar.xz" --directory "$TMPDIR/linux" --strip-components 1
    rm -r "$TMPDIR/package"
    cd "$TMPDIR/linux"
    linux_options "${linux_source#linux-source-}" "$@" > options
    # The same input gives the same bytes.
    export ARCH=x86_64 KBUILD_BUILD_USER=swiftlet KBUILD_BUILD_HOST=swiftlet
    KBUILD_BUILD_TIMESTAMP=$(date --utc --date "@$SOURCE_DATE_EPOCH")
    export KBUILD_BUILD_TIMESTAMP
    KCONFIG_ALLCONFIG=options make allnoconfig
    linux_check options .config
    nice make -j "$(nproc)" vmlinux
    strip --strip-all -o "$linux_destination/kernel" vmlinux
}
