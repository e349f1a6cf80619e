"""The file `engine` of a shared engine: its version, its signs of life, and the number of its list of books.

The sign of life, the layout and the version of the package have the same place in every version, so that one version
can recognise another. The time is the monotonic clock's, which all processes of a machine share, unless they have
different time namespaces, as a container may have: then a reader waits for a second sign of life.
"""

from __future__ import annotations

import time
from math import inf
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Final

from depthactors.errors import SharingError
from depthactors.version import VERSION

if TYPE_CHECKING:
    from mmap import mmap

SIZE: Final = 64
"""Bytes of the file."""
LAYOUT: Final = 1
"""Number of the layout of this file, the list of books, slots and records; it changes with any of them."""
PULSE_LIMIT: Final = 5.0
"""Seconds without a sign of life after which an engine counts as stuck, and its books as stale."""
_PULSE: Final = Struct("=d")
"""At 0: the time of the last sign of life; negative after a stop."""
_LISTED: Final = Struct("=Q")
_LISTED_AT: Final = 8
"""Number of the list of books; it changes with the list."""
_IDENTITY: Final = Struct("=I20sQ")
_IDENTITY_AT: Final = 16
"""The layout, the version of the package as text, and the time namespace of the engine's process."""
_NAMESPACE: Final = Path("/proc/self/ns/time")


class Pulse:
    """The writing end, in the engine's process. Thread: one at a time."""

    def __init__(self, memory: mmap) -> None:
        """Write the version and the first sign of life into a file of zeros."""
        self._memory = memory
        self._version = 0
        _IDENTITY.pack_into(memory, _IDENTITY_AT, LAYOUT, VERSION.encode(errors="replace")[:20], _namespace())
        self.beat(time.monotonic())

    def beat(self, now: float) -> None:
        """Give a sign of life at `now` (monotonic)."""
        _PULSE.pack_into(self._memory, 0, now)

    def list_changed(self) -> None:
        """Note that there is a new list of books."""
        self._version += 1
        _LISTED.pack_into(self._memory, _LISTED_AT, self._version)

    def close(self) -> None:
        """Note that the engine was stopped."""
        _PULSE.pack_into(self._memory, 0, -1.0)


class PulseReader:
    """A reading end. Thread: any."""

    def __init__(self, memory: mmap, of: str) -> None:
        """Check the layout.

        Args:
            memory: the mapped file.
            of: the engine's folder, for errors.

        Raises:
            SharingError: the engine has another layout; the message names both versions.
            ValueError: the file is just being made, or belongs to an engine of another layout that has ended.
        """
        self._memory = memory
        if len(memory) < SIZE or not any(memory[:SIZE]):
            msg = "it is just being made"
            raise ValueError(msg)
        layout, version, namespace = _IDENTITY.unpack_from(memory, _IDENTITY_AT)
        if layout != LAYOUT:
            if not 0 <= time.monotonic() - self._pulse <= PULSE_LIMIT:
                msg = "it has ended, and was of another layout"
                raise ValueError(msg)
            written = version.rstrip(b"\0").decode(errors="replace") or "an earlier version"
            msg = (
                f"{of}: expected books in the layout {LAYOUT} of depthactors {VERSION}, was the layout {layout} of "
                f"depthactors {written}: the engine and its readers need the same version"
            )
            raise SharingError(msg)
        self._has_our_clock = namespace == _namespace()
        # For another clock: the first sign of life, whose age is unknown; whether there was a later one; and the most
        # by which our clock may be ahead, since a sign of life is seen after it was given.
        self._first, self._lives, self._ahead = self._pulse, False, inf

    @property
    def ended(self) -> bool:
        """Whether the engine was stopped."""
        return self._pulse < 0

    @property
    def stuck(self) -> bool:
        """Whether there was no sign of life for `PULSE_LIMIT` seconds."""
        now, pulse = time.monotonic(), self._pulse
        if self._has_our_clock:
            return now - pulse > PULSE_LIMIT
        self._lives = self._lives or pulse != self._first
        self._ahead = min(self._ahead, now - pulse)
        return not self._lives or now - pulse - self._ahead > PULSE_LIMIT

    @property
    def listed(self) -> int:
        """Number of the latest list of books."""
        number: int = _LISTED.unpack_from(self._memory, _LISTED_AT)[0]
        return number

    @property
    def _pulse(self) -> float:
        pulse: float = _PULSE.unpack_from(self._memory)[0]
        return pulse


def _namespace() -> int:
    """Return the number of this process's time namespace; 0 on systems without them."""
    try:
        return _NAMESPACE.stat().st_ino
    except OSError:
        return 0
