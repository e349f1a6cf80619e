"""The file `engine` of a shared engine: whose it is, whether it lives, and which list of books is the latest.

The pulse, the layout and the version of the package are where they are in every version, so that one can tell another.
The time is the monotonic clock's, which is the same in every process of a machine, but for one in another time
namespace, as a container may have: there a reader sees that the engine lives by its second sign of life.
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
"""Of this file, the list of books, slots and records; another number where any of them is another."""
PULSE_LIMIT: Final = 5.0
"""Seconds without a sign of life after which nothing that an engine shows is believed: it is stopped, or stuck."""
_PULSE: Final = Struct("=d")
"""At 0: the time of the last sign of life; negative once the engine has ended in good order."""
_LISTED: Final = Struct("=Q")
_LISTED_AT: Final = 8
"""Changes with each change of the list of books."""
_IDENTITY: Final = Struct("=I20sQ")
_IDENTITY_AT: Final = 16
"""The layout, the version of the package in letters, and the time namespace of the engine's process."""
_NAMESPACE: Final = Path("/proc/self/ns/time")


class Pulse:
    """The writing end. The engine's process, in one thread at a time."""

    def __init__(self, memory: mmap) -> None:
        """Say in a file of zeros whose it is, and that the engine lives."""
        self._memory = memory
        self._version = 0
        _IDENTITY.pack_into(memory, _IDENTITY_AT, LAYOUT, VERSION.encode(errors="replace")[:20], _namespace())
        self.beat(time.monotonic())

    def beat(self, now: float) -> None:
        """Show that the engine is alive at `now` (monotonic)."""
        _PULSE.pack_into(self._memory, 0, now)

    def list_changed(self) -> None:
        """Show that there is another list of books."""
        self._version += 1
        _LISTED.pack_into(self._memory, _LISTED_AT, self._version)

    def close(self) -> None:
        """Say that the engine has ended in good order."""
        _PULSE.pack_into(self._memory, 0, -1.0)


class PulseReader:
    """A reading end. Any thread."""

    def __init__(self, memory: mmap, of: str) -> None:
        """Look whose it is.

        Args:
            memory: the file.
            of: the engine's folder, for words.

        Raises:
            SharingError: an engine whose books are laid out in another way; names both versions.
            ValueError: it is just being made, or has ended and was such a one.
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
        # With another clock: the first sign of life, of which nobody knows how old it is; whether there was another
        # since; and by how much our clock is ahead, at the most, for a sign of life is seen after it was given.
        self._first, self._lives, self._ahead = self._pulse, False, inf

    @property
    def ended(self) -> bool:
        """Whether the engine has ended in good order."""
        return self._pulse < 0

    @property
    def stuck(self) -> bool:
        """Whether there was no sign of life for long."""
        now, pulse = time.monotonic(), self._pulse
        if self._has_our_clock:
            return now - pulse > PULSE_LIMIT
        self._lives = self._lives or pulse != self._first
        self._ahead = min(self._ahead, now - pulse)
        return not self._lives or now - pulse - self._ahead > PULSE_LIMIT

    @property
    def listed(self) -> int:
        """The number of the latest list of books."""
        number: int = _LISTED.unpack_from(self._memory, _LISTED_AT)[0]
        return number

    @property
    def _pulse(self) -> float:
        pulse: float = _PULSE.unpack_from(self._memory)[0]
        return pulse


def _namespace() -> int:
    """Return what tells the clock of this process from that of others on the machine; 0 where all have the same."""
    try:
        return _NAMESPACE.stat().st_ino
    except OSError:
        return 0
