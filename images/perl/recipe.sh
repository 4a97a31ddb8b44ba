# description: Debian 12's Perl, with the core tests of its source package in /usr/src/perl
# needs: mmdebstrap=mmdebstrap xz=xz-utils patch=patch
#
# For Tests/programs. See images/base for what a recipe is and images/debian.sh for what the Debian ones share.

. "$1/debian.sh"
packages="perl bash coreutils diffutils sed grep gawk procps"
unwanted=usrmerge
# Whose own tests come along, besides all of t/.
modules="cpan/Archive-Tar cpan/Compress-Raw-Zlib cpan/Digest-MD5 cpan/Digest-SHA cpan/Encode cpan/IO-Compress cpan/IPC-Cmd
    cpan/JSON-PP cpan/MIME-Base64 cpan/Math-BigInt cpan/Scalar-List-Utils cpan/Socket cpan/Text-Balanced cpan/Time-Local
    dist/Data-Dumper dist/IO dist/PathTools dist/Storable dist/Thread-Queue dist/Tie-File dist/Time-HiRes dist/threads
    dist/threads-shared ext/Fcntl ext/File-Find ext/File-Glob ext/FileCache ext/Hash-Util ext/IPC-Open3 ext/POSIX
    ext/PerlIO-encoding ext/PerlIO-scalar ext/SDBM_File ext/Sys-Hostname"

inputs() {
    debian_inputs
}

tree() {
    debian_tree "$1"
    debian_source perl "$1.source"

    # As perl's own build has them, t beside the library the tests are about, so that they find what they name `../lib`.
    mkdir -p "$1/usr/src/perl/lib"
    cd "$1.source/perl"
    # shellcheck disable=SC2086  # a list of words
    cp -r --parents MANIFEST TestInit.pm t $modules "$1/usr/src/perl"
    cd "$1/usr/src/perl"
    find cpan dist ext -type f ! -path '*/t/*' -delete
    # The tests' perl is the distribution's, and so is the library: the same files under a second name.
    ln -s /usr/bin/perl t/perl
    cp -al "$1"/usr/share/perl/5.36.0/. "$1"/usr/lib/x86_64-linux-gnu/perl/5.36.0/. lib
    rm -r "$1.source"
}
