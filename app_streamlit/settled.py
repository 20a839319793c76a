"""What was imported stays imported: the garbage collector need not look at it."""

import functools
import gc


@functools.cache
def settle() -> None:
    """Take everything there is now out of the collector's sight, once a process.

    The libraries make some 190,000 objects. Looking through them takes 0.1 s in which the process answers nobody.
    """
    gc.collect()
    gc.freeze()
