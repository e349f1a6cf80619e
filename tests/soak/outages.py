"""How long books were not live, and after what."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from depthactors.book import BookState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors import BookEvent

_MEMORY: Final = 30.0
"""Seconds after which a fault is not taken for the cause of an outage any more."""


class Outages:
    """Every time that a book was live and then was not, put down to the last fault that concerned it.

    Attributes:
        longest: seconds to LIVE again, the longest after each kind of fault.
        counts: how many outages each kind had.
    """

    def __init__(self) -> None:
        self.longest: dict[str, float] = {}
        self.counts: dict[str, int] = defaultdict(int)
        self._faults: list[tuple[float, str, frozenset[str]]] = []
        self._down: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def fault(self, kind: str, symbols: Iterable[str]) -> None:
        """Note a fault that may concern these books from now on."""
        with self._lock:
            self._faults.append((time.monotonic(), kind, frozenset(symbols)))
            del self._faults[:-200]

    def event(self, event: BookEvent) -> None:
        """Take a change of state; in the book's turn."""
        now = time.monotonic()
        with self._lock:
            if event.previous is BookState.LIVE and event.state is not BookState.LIVE:
                self._down[event.symbol] = now, self._cause(event.symbol, now)
            elif event.state is BookState.LIVE and event.symbol in self._down:
                since, kind = self._down.pop(event.symbol)
                self.counts[kind] += 1
                self.longest[kind] = max(self.longest.get(kind, 0.0), now - since)

    def _cause(self, symbol: str, now: float) -> str:
        for at, kind, symbols in reversed(self._faults):
            if now - at > _MEMORY:
                break
            if symbol in symbols:
                return kind
        return "nothing noted"
