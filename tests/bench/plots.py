"""Draws what a run of the benchmarks gave: `python -m tests.bench.plots RESULTS FOLDER` (extra `bench`).

RESULTS is what `python -m tests.bench all --peers --json RESULTS` wrote.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

NAMES = {
    "depthactors_float": "depthactors, float",
    "depthactors_decimal": "depthactors, Decimal",
    "depthactors_engine": "depthactors, engine",
    "depthactors_manager": "depthactors, drop-in manager",
    "ccxt_order_book": "ccxt's OrderBook alone",
    "ccxt_pro": "ccxt Pro",
    "nautilus": "nautilus_trader (best level only)",
    "order_book": "order-book",
    "unicorn": "unicorn depth cache",
    "cryptofeed_3": "cryptofeed",
    "python_binance": "python-binance",
}
OURS, THEIRS = "#0a7d4f", "#8a8f98"
FOLLOWING = {
    "depthactors_engine": {"color": OURS, "marker": "o"},
    "depthactors_manager": {"color": OURS, "marker": "s", "linestyle": "--"},
    "ccxt_pro": {"color": THEIRS, "marker": "^"},
    "cryptofeed_3": {"color": THEIRS, "marker": "v", "linestyle": "-."},
    "python_binance": {"color": THEIRS, "marker": "D", "linestyle": ":"},
}


def main(results, folder) -> None:
    """Draw all plots; the same figures make the same files."""
    mpl.rcParams |= {"svg.hashsalt": "depthactors", "svg.fonttype": "none"}
    rows = {line["benchmark"]: line.get("rows") for line in map(json.loads, Path(results).read_text().splitlines())}
    following = [row for row in rows["pipe"] if row["client"] in FOLLOWING and row.get("sustained")]
    drawn = {
        "book": _bars(rows["book"]),
        "cpu": _lines(following, lambda row: row["cpu_us"][0], "the client's CPU, microseconds a frame"),
        "rate": _lines(following, lambda row: row["sustained"], "sustained frames a second"),
        "latency": _lines(
            [row for row in following if row.get("latency")],
            lambda row: row["latency"]["p99"],
            "p99 latency to the callback, ms",
        ),
    }
    for name, figure in drawn.items():
        figure.savefig(Path(folder) / f"{name}.svg", metadata={"Date": None})


def _bars(rows):
    """Draw how many times as long as `orjson.loads` an event takes."""
    recordings = list(dict.fromkeys(row["recording"] for row in rows))
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, recording in zip(
        figure.subplots(1, len(recordings), sharey=True, squeeze=False)[0], recordings, strict=True
    ):
        mine = [row for row in rows if row["recording"] == recording][::-1]
        values = [row["reading"][0] for row in mine]
        bars = axes.barh(
            [NAMES[row["contestant"]] for row in mine],
            values,
            color=[OURS if row["contestant"].startswith("depthactors") else THEIRS for row in mine],
        )
        axes.bar_label(bars, [f"{value:.1f}" for value in values], padding=3)
        axes.set_xscale("log")
        axes.set_xlim(1, 4 * max(values))
        axes.set_title(recording)
        axes.set_xlabel("times orjson.loads of the same frames")
    return figure


def _lines(rows, value, label):
    """Draw a value over the number of symbols, a line a client."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for client in dict.fromkeys(row["client"] for row in rows):
        mine = [row for row in rows if row["client"] == client]
        axes.plot([row["symbols"] for row in mine], list(map(value, mine)), label=NAMES[client], **FOLLOWING[client])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("symbols, together as many frames as one")
    axes.set_ylabel(label)
    axes.grid(visible=True, which="major", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


if __name__ == "__main__":
    main(*sys.argv[1:])
