"""Spread books over two worker processes; everything is read and called back here as without them."""

import threading

from depthactors import BookView, DepthEngine, Top

called = threading.Event()


def on_update(view: BookView) -> None:
    """Take a view, in this process, in a thread of that book's own."""
    if view.symbol == "ETHUSDT" and not called.is_set():
        print("called with", view)
        called.set()


def main() -> None:
    """Print two books, and the processes that keep them."""
    with DepthEngine(market="spot", processes=2) as engine:
        btc, eth = engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20, on_update=on_update)
        engine.wait_live(timeout=30)

        print("view       ", btc.view())
        print("handle.ask ", eth.ask(Top(5), timeout=1))
        called.wait(10)
        print("processes  ", *[f"{worker.name} is {worker.pid}" for worker in engine.status().workers], sep="  ")


if __name__ == "__main__":
    main()
