# git: commits, branches, clones and checks of local repositories.
. "$E2E_BUBBLEWRAP_DIRECTORY/bubblewrap.sh"

claim "git: init, commit, diff, merge, log, clone, push, gc, fsck"
same_as_bubblewrap shell git.sh -- bash git.sh
must_pass
also_says 'fsck: 0'
also_says 'damage seen'
