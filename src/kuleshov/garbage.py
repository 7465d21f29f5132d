"""Put off Python's search for garbage while much is made that stays.

Python finds objects that only refer to each other by going through all there are, the oftener the
more are made. While an archive of thousands of films is opened each search goes through all of it,
and finds nothing. What is referred to by nobody is freed as ever.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

__all__ = ["left_alone", "nothing_searched", "set_aside", "taken_back"]

_LOCK = threading.Lock()
_waiting = 0  # blocks that have not ended
_aside = 0  # calls of `set_aside` that were not taken back


@contextlib.contextmanager
def nothing_searched() -> Iterator[None]:
    """Look for no cycles, in any thread, until the block ends, and all that were begun with it.

    Where somebody has switched the search off, it stays so.
    """
    global _waiting
    with _LOCK:
        if _waiting == 0 and not gc.isenabled():
            switched_off = True
        else:
            switched_off = False
            _waiting += 1
            gc.disable()
    try:
        yield
    finally:
        if not switched_off:
            with _LOCK:
                _waiting -= 1
                if _waiting == 0:
                    gc.enable()


def left_alone() -> None:
    """Search once, and leave what is there now out of all later searches.

    Each takes a third of a second where an archive of a million rows is open, and a camera waits.
    """
    gc.collect()
    set_aside()


def set_aside() -> None:
    """Leave what is there now out of searches, until that is `taken_back` as often."""
    global _aside
    with _LOCK:
        _aside += 1
        gc.freeze()


def taken_back() -> None:
    """Search among what was set aside again, once nobody wants it left alone."""
    global _aside
    with _LOCK:
        _aside -= 1
        if _aside == 0:
            gc.unfreeze()
