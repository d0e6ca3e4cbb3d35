"""Memory a process no longer needs, given back.

The C library keeps what was freed for the next who asks, all the more when it was freed in small pieces: after a thousand TLS connections a
server would keep 40 MB for good. malloc_trim(3) hands it back, in some 10 ms. Where the C library has no such call nothing happens.
"""

from __future__ import annotations


def give_back() -> None:
    import ctypes  # a megabyte of its own: only who needs it pays

    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # not glibc
        return
    trim(0)
