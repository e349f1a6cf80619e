"""The shared engines of this machine."""

from __future__ import annotations

from contextlib import suppress

from depthactors.errors import SharingError, UsageError
from depthactors.sharing.place import shared_names
from depthactors.sharing.reader import DepthReader


def running_engines() -> tuple[str, ...]:
    """Return the names of the engines that run and that a `DepthReader` of this process may read, in order.

    Raises:
        SharingError: books cannot be shared on this system.
    """
    found = []
    for name in shared_names():
        # Not an engine's folder, one of an engine that has ended, or of a user who is not trusted.
        with suppress(SharingError, UsageError):
            DepthReader(name, number=None).close()
            found.append(name)
    return tuple(found)
