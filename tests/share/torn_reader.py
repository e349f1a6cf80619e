"""A reader of `torn`: checks every view. A process of its own."""

from __future__ import annotations

import pickle
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from depthactors import markets
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.local_cell import LocalCell
from depthactors.book import BookState, OrderBook
from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.pacing import USUAL
from depthactors.sharing import DepthReader
from tests.share.child import parent_wants_the_end, say
from tests.share.tape import LAP, digest

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 500
"""Views that are timed at once, and are not checked."""
CHECKED = 4_000
"""Views that are checked between two such batches."""
UPDATES = 10
"""Updates that a reader sees at least: one that has a core for itself may read for long before the writer runs."""


def cost_us(read: Callable[[], object]) -> float:
    """Return the CPU time of a read in microseconds: the cores are shared with the others."""
    begun = time.thread_time()
    for _ in range(BATCH):
        read()
    return (time.thread_time() - begun) / BATCH * 1e6


def main(name: str, proof: str, levels: int, reads: int) -> None:
    """Read and check at least so many times and so many updates, or until the parent is gone."""
    over = parent_wants_the_end()
    symbol, snapshot, table = pickle.loads(Path(proof).read_bytes())
    cell = LocalCell(BookSpec(markets.USDM, symbol, levels, 100, None, float), USUAL, PooledDispatcher())
    cell.publish(OrderBook(symbol, snapshot, depth=levels), BookState.LIVE)
    wrong = backwards = done = last = 0
    seen, states, shared, own = set(), set(), [], []
    with DepthReader(name) as reader:
        while (done < reads or len(seen) < UPDATES) and not over.is_set():
            count = min(CHECKED, max(reads - done, BATCH))
            for _ in range(count):
                view = reader.view(symbol, levels)
                update_id = view.last_update_id
                if table.get(update_id % LAP) != digest(view.bids, view.asks):
                    wrong += 1
                if update_id < last:
                    backwards += 1
                elif update_id > last:
                    last = update_id
                    seen.add(update_id)
                    states.add(view.state)
            done += count
            shared.append(cost_us(lambda: reader.view(symbol, levels)))
            own.append(cost_us(lambda: cell.view(levels, float, levels)))
        say(
            {
                "reads": done,
                "wrong": wrong,
                "backwards": backwards,
                "seen": len(seen),
                "states": sorted(states),
                "torn": reader.torn,
                "us": median(shared),
                "own_us": median(own),
            }
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
