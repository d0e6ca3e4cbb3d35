"""For programs that live long: what is loaded by now stays, and need not be looked through again for garbage.

Nearly nothing here makes cycles, and whoever waits for a collection is the client: so they come seldom.
"""

from __future__ import annotations

import gc

_OBJECTS = 20000  # made and not gone since the last collection


def settle() -> None:
    """Once, when the program has loaded what it needs."""
    gc.freeze()
    gc.set_threshold(_OBJECTS, 10, 10)
