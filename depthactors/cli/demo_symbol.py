"""One symbol of the demo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthactors.book import BookView
    from depthactors.python_binance import DepthCache


@dataclass(slots=True)
class DemoSymbol:
    """What the callback was given, and the cache to read."""

    symbol: str
    updates: int = 0
    errors: list[str] = field(default_factory=list)
    cache: DepthCache | None = None

    def callback(self, message: Any) -> None:
        """Take a cache, an error dict, or the final `None`; in the manager's thread."""
        if message is None or isinstance(message, dict):
            self.errors.append("given up" if message is None else str(message["m"]))
            return
        self.updates += 1
        self.cache = message

    def look(self, levels: int) -> tuple[BookView[Any] | None, str]:
        """Return the best levels once there was an update, and how many there were."""
        if self.cache is None:
            return None, "waits for the first update"
        return self.cache.view(levels), f"{self.updates} updates"
