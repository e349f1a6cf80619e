"""A notice for a program that goes on reading one depth cache, where each callback gets another.

With python-binance all callbacks of a stream get the same object, which goes on changing, so a program may have kept
the first one. Here that object shows the first update for ever, so the program is warned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors import reporting

if TYPE_CHECKING:
    from depthactors.book.copied import BookCopy
    from depthactors.dispatcher.clock import Clock

logger = reporting.logger(__name__)

OLD_AFTER: Final = 60.0
"""Seconds after which a program that reads an update with newer ones behind it gets a warning."""


class Newest:
    """The newest update that a stream has brought.

    Attributes:
        update_id: the id of that update.
    """

    __slots__ = ("_clock", "_is_said", "update_id")

    def __init__(self, clock: Clock) -> None:
        """Begin before the first update."""
        self.update_id = 0
        self._clock = clock
        self._is_said = False

    def look(self, copy: BookCopy) -> None:
        """Warn, once a stream, if an old copy is read although newer ones have come. Thread: any."""
        age = self._clock.time() - copy.recv_time
        if age > OLD_AFTER and not self._is_said:
            self._is_said = True
            words = "%s: a depth cache of %.0f s ago is read, though there are newer ones: keep that of the latest call"
            logger.notice(("old cache", copy.symbol), words, copy.symbol, age)
