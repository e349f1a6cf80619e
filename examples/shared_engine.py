"""Follow books in one process and share them by a name with every process of the machine, until Ctrl-C or SIGTERM."""

import os
import signal
import sys
import threading

from depthactors import DepthEngine

NAME = os.environ.get("SHARED_BOOKS", "books")


def main(seconds: float | None = None) -> None:
    """Share for some seconds, or until a signal; readers may come and go meanwhile."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with DepthEngine(market="spot", name=NAME) as engine:
            books = engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20)
            print(f"{', '.join(book.symbol for book in books)} are shared as {NAME}", flush=True)
            threading.Event().wait(seconds)
    except KeyboardInterrupt:
        print("a signal: ending")
    print("shared no longer")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
