"""The engine as in `depthactors_engine`, which also records to the folder that the environment names."""

import os
import sys

from meter import Meter, coalesced

from depthactors import DepthEngine


def main(port, *symbols):
    os.environ["DEPTHACTORS_EXCHANGE"] = f"http://127.0.0.1:{port}"

    def on_update(view):
        _ = view.bids, view.asks
        meter.saw(view.symbol, view.event_time)

    with DepthEngine(market="spot", record=os.environ["RECORD_TO"]) as engine:
        meter = Meter(symbols, coalesced=lambda: coalesced(engine))
        engine.subscribe_many(symbols, depth=5, on_update=on_update)
        meter.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
