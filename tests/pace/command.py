"""`python -m tests.pace`: many books at once, alone or beside an outsider behind the same address."""

from __future__ import annotations

import argparse
import gc
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import requests

from depthactors import BookState, DepthEngine
from depthactors.exchange import LocalExchange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

MINUTE = 60.0
OUTSIDE_WEIGHT = 5
"""Of one request of the outsider: a depth of 100 levels."""


class Outsider:
    """Another program behind the same address: it spends weight evenly, and counts its refusals."""

    def __init__(self, url: str, per_minute: int) -> None:
        self.refused = self.served = 0
        self._url = f"{url}/api/v3/depth?symbol=S0USDT&limit=100"
        self._pause = MINUTE * OUTSIDE_WEIGHT / per_minute if per_minute else 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outsider")

    def __enter__(self) -> Self:
        if self._pause:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._pause:
            self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        with requests.Session() as session:
            while not self._over.wait(max(0.0, due - time.monotonic())):
                due += self._pause
                if session.get(self._url, timeout=10).status_code == 200:
                    self.served += 1
                else:
                    self.refused += 1


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Start the books and watch; returns what is printed."""
    symbols = [f"S{number}USDT" for number in range(options.books)]
    exchange = LocalExchange.with_order_flow(
        symbols, rate=options.rate, levels=4.0, depth=options.book_levels, history=20, seed=options.seed
    )
    # Its levels are not the engine's, and would be looked through at each collection, with a thousand threads waiting.
    gc.freeze()
    with exchange, Outsider(exchange.url, options.outside) as outsider:
        os.environ["DEPTHACTORS_EXCHANGE"] = exchange.url
        if options.outside:
            # It was there before; wait until it has been for half a minute.
            threading.Event().wait(30)
        with DepthEngine(refresh_interval=None) as engine:
            begun, wall = time.monotonic(), time.time()
            engine.subscribe_many(symbols, depth=options.depth)
            spent: dict[int, int] = {}
            lines = []
            while (status := engine.status()).live < len(symbols):
                pool = status.pools[0]
                minute = int(time.time() // MINUTE)
                spent[minute] = max(spent.get(minute, 0), pool.used_weight)
                elapsed = time.monotonic() - begun
                if not lines or elapsed - lines[-1][0] > 20:
                    lines.append((elapsed, status.progress, pool.waiting, status.estimate))
                    print(
                        f"  {elapsed:5.1f} s: live {status.progress:4.0%}, queued {pool.waiting}, "
                        f"weight {pool.used_weight} of {pool.allowed_weight} (others {pool.others_weight}), "
                        f"estimate {status.estimate:.0f} s",
                        flush=True,
                    )
                threading.Event().wait(0.2)
            seconds = time.monotonic() - begun
            failed = sum(row.state is BookState.FAILED for row in status.books)
            pool = engine.status().pools[0]
            foretold = next((elapsed + estimate for elapsed, _, queued, estimate in lines if queued), 0.0)
            threads = threading.active_count()
    whole = [used for minute, used in spent.items() if wall <= minute * MINUTE < wall + seconds - MINUTE]
    weight = pool.allowed_weight
    each = 25 if options.depth > 66 else 5
    return {
        "books": f"{options.books} at depth {options.depth}, {each} weight each",
        "all LIVE after": f"{seconds:.1f} s; foretold after {lines[0][0]:.1f} s: {foretold:.0f} s",
        "by all the weight alone": f"{ideal(options.books * each, weight, wall):.0f} s",
        "429s and 418s": pool.limited,
        "weight used in whole minutes": [f"{used / weight:.1%}" for used in whole],
        "given up": failed,
        "sockets, threads": f"{len(status.sockets)}, {threads}",
        "outsider": f"{outsider.served} served, {outsider.refused} refused" if options.outside else "none",
        "_passed": not (pool.limited or failed or outsider.refused),
    }


def ideal(total: int, per_minute: int, wall: float) -> float:
    """Seconds that so much weight takes if every minute of the clock is used up at its first moment."""
    minutes = (total - 1) // per_minute
    return max(0.0, (int(wall // MINUTE) + minutes) * MINUTE - wall) if minutes else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 if nobody was refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.pace", description=__doc__)
    parser.add_argument("--books", type=int, default=1000)
    parser.add_argument("--depth", type=int, default=100)
    parser.add_argument("--rate", type=float, default=1.0, help="events a second and book")
    parser.add_argument("--book-levels", type=int, default=600, help="levels a side on the exchange")
    parser.add_argument("--outside", type=int, default=0, metavar="WEIGHT", help="weight a minute of another program")
    parser.add_argument("--seed", type=int, default=1)
    result = run(parser.parse_args(arguments))
    for name, value in result.items():
        if not name.startswith("_"):
            print(f"{name}: {value}")
    return 0 if result["_passed"] else 1
