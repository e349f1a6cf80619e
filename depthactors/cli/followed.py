"""One symbol of the demo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthactors.binance import DepthCache


@dataclass(slots=True)
class Followed:
    """One symbol of the demo: what the callback was given, and the cache to read."""

    symbol: str
    updates: int = 0
    errors: list[str] = field(default_factory=list)
    cache: DepthCache | None = None

    def callback(self, message: Any) -> None:
        """Take a cache, an error dict, or the final `None`; in the book's thread."""
        if message is None or isinstance(message, dict):
            self.errors.append("given up" if message is None else str(message["m"]))
            return
        self.updates += 1
        self.cache = message
