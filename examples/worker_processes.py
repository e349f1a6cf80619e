"""Spread books over two worker processes; everything is read and called back here as without them."""

import threading

from depthactors import BookView, DepthEngine, Top

latest: dict[str, BookView] = {}
called = threading.Event()


def on_update(view: BookView) -> None:
    """Take a view, in this process, in one of the engine's threads."""
    latest[view.symbol] = view
    if view.symbol == "ETHUSDT":
        called.set()


def main() -> None:
    """Print two books, and the processes that keep them."""
    with DepthEngine(market="spot", processes=2) as engine:
        btc, eth = engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20, on_update=on_update)
        engine.wait_live(timeout=30)

        print("view       ", btc.view())
        print("handle.ask ", eth.ask(Top(5), timeout=1))
        if called.wait(10):
            print("called with", latest["ETHUSDT"])
        print("processes  ", *[f"{worker.name} is {worker.pid}" for worker in engine.status().workers], sep="  ")


if __name__ == "__main__":
    main()
