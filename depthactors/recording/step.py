"""One line of a recording, passed to a state machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors import binance
from depthactors.errors import MalformedFrameError, RecordingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from depthactors.markets import Market
    from depthactors.recording.lines import Line
    from depthactors.sync import Synchronizer
    from depthactors.sync.effects import Effect

EPOCH: Final = 1
"""The number of the one connection that a recording has."""
_NS: Final = 1e-9


def step(machine: Synchronizer, line: Line, market: Market, symbol: str, path: str | Path) -> Sequence[Effect]:
    """Pass a depth event or a snapshot to a machine, and return its effects; other lines have none.

    Raises:
        RecordingError: a depth event or snapshot that is malformed, or of another symbol; the message names the line.
    """
    try:
        if line.is_snapshot:
            limit = market.implied_limit(max(len(line.message["bids"]), len(line.message["asks"])))
            snapshot = binance.parse_snapshot(line.message, limit, symbol)
            return machine.snapshot(EPOCH, snapshot, line.recv_ns * _NS)
        if line.is_diff:
            diff = binance.parse_diff(line.event, market.sequencing, symbol)
            return machine.diff(EPOCH, diff, line.recv_ns * _NS)
    except (MalformedFrameError, KeyError, TypeError) as error:
        raise RecordingError(str(path), line.number, str(error)) from None
    return ()
