"""The engine with worker processes, and the same callback in the engine's own process; imported by the clients."""

import os
from pathlib import Path

from meter import Meter, coalesced

from depthactors import DepthEngine

_TICKS = os.sysconf("SC_CLK_TCK")


def follow(processes, port, *symbols):
    os.environ["DEPTHACTORS_EXCHANGE"] = f"http://127.0.0.1:{port}"

    def on_update(view):
        _ = view.bids, view.asks
        meter.saw(view.symbol, view.event_time)

    with DepthEngine(market="spot", processes=processes) as engine:
        meter = Meter(
            symbols,
            others=lambda: sum(_cpu(row.pid) for row in engine.status().workers),
            coalesced=lambda: coalesced(engine),
        )
        engine.subscribe_many(symbols, depth=5, on_update=on_update)
        meter.run()


def _cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
