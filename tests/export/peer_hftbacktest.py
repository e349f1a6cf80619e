"""Run by an interpreter that has hftbacktest: its converter on a recording, and its backtest on our array.

Reads a task from standard input, a JSON object: `ours` and `theirs` are paths of npz files, `recording` that of a
recording in the shape that the converter takes, `tick` and `lot` are sizes, `moments` local times in nanoseconds.
Writes `theirs`, and prints a JSON object.
"""

import json
import sys
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.data.utils.binancefutures import convert
from hftbacktest.data.utils.snapshot import create_last_snapshot
from hftbacktest.data.validation import correct_event_order, validate_event_order
from hftbacktest.types import EXCH_EVENT, LOCAL_EVENT, event_dtype

BUFFER = 3_000_000
"""Rows of the converter's array, which it does not enlarge."""


def asset(task):
    made = BacktestAsset().data([task["ours"]]).linear_asset(1.0).constant_order_latency(0, 0)
    made = made.risk_adverse_queue_model().no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0)
    return made.tick_size(task["tick"]).lot_size(task["lot"])


def touches(task):
    """Return the best bid and ask in ticks that the backtest shows at each moment."""
    backtest = HashMapMarketDepthBacktest([asset(task)])
    found = []
    # Its clock begins with the first event.
    backtest.elapse(0)
    try:
        for moment in task["moments"]:
            if backtest.elapse(moment - backtest.current_timestamp) not in {0, 1}:
                sys.exit("the backtest failed")
            depth = backtest.depth(0)
            found.append([int(depth.best_bid_tick), int(depth.best_ask_tick)])
    finally:
        backtest.close()
    return found


def is_in_its_order(ours):
    """Whether hftbacktest makes the same array of our local events, and finds nothing wrong in it."""
    validate_event_order(ours)
    rows = ours[ours["ev"] & LOCAL_EVENT == LOCAL_EVENT].copy()
    rows["ev"] &= ~np.uint64(EXCH_EVENT | LOCAL_EVENT)
    by_exchange, by_receipt = (np.argsort(rows[name], kind="mergesort") for name in ("exch_ts", "local_ts"))
    again = correct_event_order(rows, by_exchange, by_receipt)
    return len(again) == len(ours) and all(
        np.array_equal(again[name], ours[name], equal_nan=name == "px") for name in ours.dtype.names
    )


def main():
    task = json.load(sys.stdin)
    ours = np.load(task["ours"])["data"]
    with redirect_stdout(StringIO()):
        convert(task["recording"], task["theirs"], buffer_size=BUFFER)
        last = create_last_snapshot([task["ours"]], task["tick"], task["lot"])
        reply = {
            "same_dtype": ours.dtype == event_dtype,
            "in_its_order": is_in_its_order(ours),
            "touches": touches(task),
            "last_book": [[int(row["ev"]), round(row["px"] / task["tick"]), float(row["qty"])] for row in last],
        }
    print(json.dumps(reply))


main()
