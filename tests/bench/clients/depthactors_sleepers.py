"""The engine with a callback that sleeps a second for one book of 20, and a quick one for all others."""

import os
import sys
import time

from meter import Meter

from depthactors import DepthEngine

SLEEP = 1.0
ONE_OF = 20


def main(port, *symbols):
    os.environ["DEPTHACTORS_EXCHANGE"] = f"http://127.0.0.1:{port}"
    sleepers = symbols[::ONE_OF]
    meter = Meter(set(symbols) - set(sleepers))

    def on_update(view):
        _ = view.bids, view.asks
        meter.saw(view.symbol, view.event_time)

    def sleep(_view):
        time.sleep(SLEEP)

    with DepthEngine(market="spot") as engine:
        engine.subscribe_many(sleepers, depth=5, on_update=sleep)
        engine.subscribe_many([each for each in symbols if each not in set(sleepers)], depth=5, on_update=on_update)
        meter.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
