"""A program of python-binance's guide beside the engine: the drop-in manager, through the same faults."""

from __future__ import annotations

import threading
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from depthactors import DepthCache, ThreadedDepthCacheManager
from tests.soak.drop_in import STARTS

if TYPE_CHECKING:
    from typing import Self

    from tests.soak.checker import Checker

LIMITS: Final = (10, 100)
"""Two streams of one symbol: the shallower one has a part of the deeper one's book."""
PAUSE_EVERY: Final = 100
"""Updates between two pauses of the callback."""
PAUSE: Final = 0.6


class GuideProgram:
    """Follows a symbol as the guide does: it ends at any error but a lost connection, and starts anew what is over.

    On a market without a method of the manager it follows nothing.

    Attributes:
        updates: depth caches that it got.
        ends: streams that were given up, for a reason that was said.
        stopped_by: errors that end such a program, of streams that go on.
    """

    def __init__(self, checker: Checker, symbol: str, market: str) -> None:
        self.updates = self.ends = 0
        self.stopped_by: list[dict[str, Any]] = []
        self._checker = checker
        self._symbol = symbol
        self._start = STARTS.get(market, "")
        self._errors: dict[int, dict[str, Any]] = {}
        self._manager = ThreadedDepthCacheManager(max_reconnects=None)

    def __enter__(self) -> Self:
        self._manager.start()
        for limit in LIMITS if self._start else ():
            self._follow(limit)
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.stop()

    @property
    def passed(self) -> bool:
        """Whether no error ended the program, and it got depth caches if it followed anything."""
        return not self.stopped_by and (self.updates > 0 or not self._start)

    def _follow(self, limit: int) -> None:
        callback = partial(self._handle, limit)
        getattr(self._manager, self._start)(callback, self._symbol, limit=limit, conv_type=Decimal, ws_interval=100)

    def _handle(self, limit: int, item: DepthCache | dict[str, Any] | None) -> None:
        if isinstance(item, dict):
            if item["type"] != "BinanceWebsocketClosed":
                self._errors[limit] = item
            return
        error = self._errors.pop(limit, None)
        if item is None:
            self.ends += error is not None
            self._follow(limit)
            return
        if error is not None:
            self.stopped_by.append(error)
        self._checker.published(item.view(), limit)
        self.updates += 1
        if self.updates % PAUSE_EVERY == 0:
            threading.Event().wait(PAUSE)
