"""Keep an old class that polls get_order_book() every second, and answer it from a live book instead of by REST."""

import sys
import time
from typing import Any

from depthactors import DepthEngine


class LiveClient:
    """Has the one call of a REST client that the old class makes."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._engine = DepthEngine(market="spot")
        self._books: dict[str, Any] = {}

    def get_order_book(self, symbol: str, limit: int = 100) -> dict[str, Any]:
        """Answer in the shape of `/api/v3/depth`; the first call for a symbol waits for its book."""
        if symbol not in self._books:
            self._books[symbol] = self._engine.subscribe(symbol, depth=100)
        view = self._books[symbol].wait_live(timeout=30).view()
        bids, asks = (list(map(list, view.texts(side)[:limit])) for side in ("bid", "ask"))
        return {"lastUpdateId": view.last_update_id, "bids": bids, "asks": asks}

    def close(self) -> None:
        """End the engine's threads."""
        self._engine.stop()


class SpreadMonitor:
    """The old class, unchanged: it knows a client, and polls it."""

    def __init__(self, client: Any, symbol: str) -> None:
        """Keep both."""
        self.client = client
        self.symbol = symbol

    def run(self, polls: int, pause: float) -> None:
        """Print the spread `polls` times, `pause` seconds apart."""
        for _ in range(polls):
            book = self.client.get_order_book(symbol=self.symbol, limit=5)
            spread = float(book["asks"][0][0]) - float(book["bids"][0][0])
            print(f"{self.symbol} id {book['lastUpdateId']} spread {spread:.8f}", flush=True)
            time.sleep(pause)


def main(polls: int = 5, pause: float = 1.0) -> None:
    """Poll `polls` times, `pause` seconds apart."""
    client = LiveClient()
    try:
        SpreadMonitor(client, "BTCUSDT").run(polls, pause)
    finally:
        client.close()


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 5, float(given[1]) if given[1:] else 1.0)
