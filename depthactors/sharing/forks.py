"""Descriptors that a fork must not keep.

A fork copies every open descriptor. A lock, or one end of a channel, would stay open in the child after its owner has
ended. So such a descriptor is opened and noted within `unforked()`, during which no fork happens, and closed in the
child by a function of `os.register_at_fork`.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Reentrant: a signal handler may fork while its own thread holds it.
_making = threading.RLock()


@contextmanager
def unforked() -> Iterator[None]:
    """Make `os.fork` in other threads wait for the end of this block, which must be short. Thread: any."""
    with _making:
        yield


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)
