"""What the benchmarks are fed with: a recording's snapshot, and its depth frames from there on."""

from __future__ import annotations

from typing import Any, NamedTuple

from depthactors import binance, recording
from depthactors.markets import guess


class Stage(NamedTuple):
    """One symbol's recording, ready to be played.

    Attributes:
        market: name of the market.
        symbol: upper case.
        snapshot: the decoded REST reply.
        frames: depth frames as they came; the first of them joins the snapshot.
    """

    market: str
    symbol: str
    snapshot: dict[str, Any]
    frames: list[bytes]


def stage(path) -> Stage:
    """Read a recording of one symbol.

    Raises:
        ValueError: no snapshot in it, or no event that joins it.
    """
    snapshot, lines = None, []
    for line in recording.read(path):
        if line.is_snapshot and snapshot is None:
            snapshot = line.message
        elif line.is_diff:
            lines.append(line)
    last_id = snapshot["lastUpdateId"] if snapshot else 0
    frames = [line.text for line in lines if line.event["u"] > last_id]
    if snapshot is None or not frames:
        msg = f"expected a snapshot and depth events behind it in {path}"
        raise ValueError(msg)
    market, symbol = guess(lines[0].event), lines[0].event["s"]
    first = binance.read_diff(frames[0], market.sequencing, symbol)
    if first.previous_id > last_id:
        msg = f"expected an event that joins update {last_id} in {path}, was {first.first_id} to {first.last_id}"
        raise ValueError(msg)
    return Stage(market.name, symbol, snapshot, frames)
