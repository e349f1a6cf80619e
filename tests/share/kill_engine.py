"""The engine of `kill`: shares books until the parent wants the end, or until it is killed. A process of its own."""

from __future__ import annotations

import sys

from depthactors import DepthEngine, markets
from tests.share.child import parent_wants_the_end, say


def main(name: str, url: str, processes: int, depth: int, symbols: list[str]) -> None:
    """Follow the books of the exchange at `url`, in so many worker processes, or none."""
    over = parent_wants_the_end()
    with DepthEngine(markets.SPOT.at(url), name=name, processes=processes or None) as engine:
        engine.subscribe_many(symbols, depth=depth)
        say("shared")
        over.wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
