"""Swiftlet's part of Python's start: checkpoint(), for `swiftlet template create` (docs/templates.md). Python imports it by itself."""

import builtins


def checkpoint():
    """Ask to be saved as a template. Returns in every job restored from it, whose arguments sys.argv[1:] are then."""
    import gc, os, sys

    try:
        file = os.open("/dev/checkpoint", os.O_RDONLY)
    except OSError as error:
        raise RuntimeError("checkpoint(): no template is being made; see swiftlet template --help") from error
    # What is in these buffers would come out in every job.
    for stream in sys.stdout, sys.stderr:
        if stream is not None:
            stream.flush()
    # Objects of now are never garbage to look for again: each look would write to, and so copy, the pages they are in.
    gc.collect()
    gc.freeze()
    words = b""
    while piece := os.read(file, 1 << 16):
        words += piece
    os.close(file)
    sys.argv[1:] = [os.fsdecode(word) for word in words.split(b"\0")[:-1]]
    _draw_anew()


def _draw_anew():
    """Generators that were seeded before the checkpoint would draw the same in every job."""
    import os, sys

    loaded = sys.modules
    if "random" in loaded:
        loaded["random"].seed()
    if "numpy.random" in loaded:
        loaded["numpy.random"].seed()
    if "tempfile" in loaded:
        loaded["tempfile"]._name_sequence = None
    if "ssl" in loaded:
        loaded["ssl"].RAND_add(os.urandom(32), 32.0)


builtins.checkpoint = checkpoint
