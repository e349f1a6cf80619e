"""Descriptors that a fork must not keep: made and noted in one step, as far as a fork can see.

A fork copies every open descriptor. One that is a lock or an end of a line would outlive the process that made it, in
a child that knows nothing of it. It is made and noted within `unforked()`, and closed in the child by a function of
`os.register_at_fork`.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Reentrant: a signal handler that forks may come while its own thread has it.
_making = threading.RLock()


@contextmanager
def unforked() -> Iterator[None]:
    """Let `os.fork` in another thread wait for the end of this block, which must be short. Any thread."""
    with _making:
        yield


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)
