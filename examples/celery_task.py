"""Price with a live book in a Celery task: each worker process starts its own engine with its first task."""

import functools
import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_shutdown

from depthactors import BookHandle, DepthEngine

app = Celery("celery_task", broker=os.environ.get("CELERY_BROKER_URL", "memory://"))

# Made in the parent, where it starts nothing; threads do not survive the fork that makes a worker.
engine = DepthEngine(market="spot")


@functools.cache
def book_of(symbol: str) -> BookHandle:
    """Follow a symbol from its first task on; called by tasks only, so never in the parent."""
    return engine.subscribe(symbol, depth=100)


@app.task(name="cost_of_buying")
def cost_of_buying(symbol: str, quantity: float) -> float | None:
    """Return the average price for which a quantity can be bought now; `None` if the book has not so much."""
    price = book_of(symbol).wait_live(timeout=30).view().vwap("ask", quantity)
    return None if price is None else float(price)


@worker_process_shutdown.connect
def stop_engine(**_: Any) -> None:
    """End the threads with the worker process."""
    engine.stop()


if __name__ == "__main__":
    # Without a broker; with one: CELERY_BROKER_URL=redis://... celery --app celery_task worker
    app.conf.task_always_eager = True
    print("BTCUSDT", cost_of_buying.delay("BTCUSDT", 0.01).get())
    engine.stop()
