# The commands that everything calls, over input of every kind.
. "$E2E_BUBBLEWRAP_DIRECTORY/bubblewrap.sh"

claim "coreutils, findutils, diffutils, procps: a hundred commands with a typical use each"
same_as_bubblewrap --any-stderr shell tools.sh -- bash tools.sh
must_pass
also_says '== processes =='

claim "grep, sed, gawk, mawk, bc, jq, sqlite3, vim, make on text"
same_as_bubblewrap --any-stderr shell text.sh -- bash text.sh
also_says '== calculators and data =='

# xz -9 asks for 700 MB.
claim "tar, gzip, bzip2, xz, zstd, lz4, cpio, zip, rsync, curl, openssl, gpg"
same_as_bubblewrap --any-stderr --memory 1G shell archives.sh -- bash archives.sh
also_says decrypted
