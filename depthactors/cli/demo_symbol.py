"""One symbol of the demo."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from depthactors.cli.rate import Rate
from depthactors.cli.shown import Look

if TYPE_CHECKING:
    from depthactors.python_binance.depth_cache import DepthCache


@dataclass(slots=True)
class DemoSymbol:
    """What the callback was given, and the cache to read."""

    symbol: str
    depth: int
    updates: int = 0
    errors: list[str] = field(default_factory=list)
    cache: DepthCache | None = None
    _rate: Rate = field(default_factory=Rate)

    def callback(self, message: Any) -> None:
        """Take a cache, an error dict, or the final `None`; in the manager's thread."""
        if message is None or isinstance(message, dict):
            self.errors.append("given up" if message is None else str(message["m"]))
            return
        self.updates += 1
        self.cache = message

    def look(self, levels: int | None) -> Look:
        """Return what is to be seen once there was an update."""
        return Look(
            symbol=self.symbol,
            market="spot",
            speed_ms=100,
            depth=self.depth,
            view=None if self.cache is None else self.cache.view(levels or self.depth),
            why="waits for the first update" if self.cache is None else None,
            rate=self._rate.take(time.monotonic(), self.updates),
        )
