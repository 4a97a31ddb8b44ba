# Perl's own tests, run as its t/TEST does: dozens of files to a job, one line of result for each.
. "$E2E_BUBBLEWRAP_DIRECTORY/bubblewrap.sh"

# core CLAIM FOLDER...: the test files of the folders of /usr/src/perl, but for what perl-exceptions says.
core() {
  claim "$1"
  shift
  case $1 in t/io | ext/POSIX/t | dist/threads/t) ;; *) slow host ;; esac   # one of each kind: files, system calls, threads
  active || return 0
  digest=$(image_digest perl)
  [ -n "$digest" ] || { skip "no perl image here"; return 0; }
  # What test files the image has, kept as bubblewrap's answers are: the lab has no tree.
  list=$cache/perl-tests-$digest
  if [ ! -e "$list" ]; then
    tree=$(tree_of "$digest") || { fail "the image cannot be unpacked"; return 0; }
    (cd "$tree/usr/src/perl" && find . -name '*.t' | cut -c3- | sort) >"$list.$$" && mv "$list.$$" "$list"
  fi
  awk '$1 == "out" { print $2 }' "$programs/perl-exceptions" >left-out
  skips=$(awk '$1 == "skips" { print $2 }' "$programs/perl-exceptions" | xargs)
  files=$(for folder in "$@"; do grep -E "^$folder/[^/]*$" "$list"; done | sort | grep -vxFf left-out)
  # shellcheck disable=SC2086  # a list of words
  same_as_bubblewrap --memory 512M perl perl-core.pl -- env "PERL_CORE_ANY_SKIPS=$skips" perl perl-core.pl $files
  must_pass
  also_says ': exit 0, plan '
}

core "Perl's core tests: base, cmd, comp, opbasic, lib, mro, perf" t/base t/cmd t/comp t/opbasic t/lib t/mro t/perf
core "Perl's core tests: uni" t/uni
core "Perl's core tests: io" t/io
core "Perl's core tests: op" t/op
core "Perl's core tests: re" t/re
core "Perl's module POSIX" ext/POSIX/t
core "Perl's modules Fcntl, File::Find, File::Glob, FileCache, Hash::Util, IPC::Open3, SDBM_File, Sys::Hostname" \
  ext/Fcntl/t ext/File-Find/t ext/File-Glob/t ext/FileCache/t ext/Hash-Util/t ext/IPC-Open3/t ext/SDBM_File/t ext/Sys-Hostname/t
core "Perl's modules Digest::SHA, Digest::MD5, MIME::Base64, Socket, List::Util" \
  cpan/Digest-SHA/t cpan/Digest-MD5/t cpan/MIME-Base64/t cpan/Socket/t cpan/Scalar-List-Utils/t
core "Perl's modules JSON::PP, Time::Local, Data::Dumper" cpan/JSON-PP/t cpan/Time-Local/t dist/Data-Dumper/t
core "Perl's modules IO, Storable, PathTools" dist/IO/t dist/Storable/t dist/PathTools/t
core "Perl's modules threads, threads::shared, Thread::Queue" dist/threads/t dist/threads-shared/t dist/Thread-Queue/t
