"""The drop-in manager in the soak: its callbacks raise, sleep, and stop and start streams, their own and others'."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from depthactors import DepthCache, ThreadedDepthCacheManager

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from tests.soak.checker import Checker

KINDS: Final = ("drop-in raises", "drop-in sleeps", "drop-in restarts itself", "drop-in restarts another")
LIMIT: Final = 10
STARTS: Final = {"spot": "start_depth_cache", "usdm": "start_futures_depth_socket"}
"""The manager's method by market; on others nothing is followed here."""


class _Stream:
    """One stream, from its start to its stop."""

    name = ""
    ended = False


class DropIn:
    """A manager that follows some symbols.

    Attributes:
        done: times that each kind was done.
        late: calls that began after `stop_socket` of their stream had returned.
        threads: that callbacks came from.
    """

    def __init__(self, checker: Checker, symbols: Sequence[str], market: str) -> None:
        self.done = dict.fromkeys(KINDS, 0)
        self.late = 0
        self.threads: set[int] = set()
        self._checker = checker
        self._symbols = list(symbols) if market in STARTS else []
        self._market = market
        self._manager = ThreadedDepthCacheManager(max_reconnects=None)
        self._streams: dict[str, _Stream] = {}
        self._disturbed: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._manager.start()
        for symbol in self._symbols:
            self._start(symbol)
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.stop()

    def disturb(self, kind: str, symbol: str) -> None:
        """Let the next callback of one of its symbols do this."""
        if self._symbols:
            followed = self._symbols[sum(self.done.values()) % len(self._symbols)]
            self._disturbed[symbol if symbol in self._symbols else followed] = kind

    @property
    def words(self) -> str:
        """What came of it."""
        done = ", ".join(f"{kind} {count}" for kind, count in self.done.items())
        return f"{len(self.threads)} thread, {self.late} calls after the end; {done}"

    @property
    def passed(self) -> bool:
        """Whether nobody was called after the end, or from a second thread."""
        return self.late == 0 and len(self.threads) <= 1

    def _start(self, symbol: str) -> None:
        stream = _Stream()

        def callback(message: Any) -> None:
            self.late += stream.ended
            self.threads.add(threading.get_ident())
            if isinstance(message, DepthCache):
                self._checker.published(message.view(LIMIT), LIMIT)
                self._do(self._disturbed.pop(symbol, None), symbol)

        start = getattr(self._manager, STARTS[self._market])
        stream.name = start(callback, symbol, limit=LIMIT, conv_type=Decimal, ws_interval=100)
        self._streams[symbol] = stream

    def _do(self, kind: str | None, symbol: str) -> None:
        if kind is None:
            return
        self.done[kind] += 1
        if kind == "drop-in raises":
            raise SystemExit(symbol)
        if kind == "drop-in sleeps":
            threading.Event().wait(1.0)
            return
        others = [other for other in self._symbols if other != symbol]
        for each in others if kind == "drop-in restarts another" else [symbol]:
            stream = self._streams[each]
            self._manager.stop_socket(stream.name)
            stream.ended = True
            self._start(each)
