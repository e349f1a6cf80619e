"""The lines of a recording, passed to a state machine one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors import binance
from depthactors.errors import MalformedFrameError, RecordingError, StreamError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depthactors.markets import Market
    from depthactors.recording.lines import Line
    from depthactors.sync import Synchronizer
    from depthactors.sync.effects import Effect

_NS: Final = 1e-9


class Stepper:
    """Passes the lines of one symbol to a state machine, as if they came by a connection.

    Attributes:
        interruptions: the number of places where the recording is interrupted.
    """

    def __init__(self, machine: Synchronizer, market: Market, symbol: str) -> None:
        """Begin the first connection."""
        self._machine, self._market, self._symbol = machine, market, symbol
        self.interruptions = 0
        machine.stream_up(1)

    def step(self, line: Line | None) -> Sequence[Effect]:
        """Pass a depth event, a snapshot, or `None` for an interruption; other lines have no effect.

        Raises:
            RecordingError: a depth event or snapshot that is malformed, or of another symbol; names file and line.
        """
        machine, epoch = self._machine, 1 + self.interruptions
        if line is None:
            self.interruptions += 1
            effects = machine.stream_down(epoch, StreamError("the next file of the recording begins later"))
            return [*effects, *machine.stream_up(epoch + 1)]
        try:
            if line.is_snapshot:
                limit = self._market.implied_limit(max(len(line.message["bids"]), len(line.message["asks"])))
                snapshot = binance.parse_snapshot(line.message, limit, self._symbol)
                return machine.snapshot(epoch, snapshot, line.recv_ns * _NS)
            if line.is_diff:
                diff = binance.parse_diff(line.event, self._market.sequencing, self._symbol)
                return machine.diff(epoch, diff, line.recv_ns * _NS)
        except (MalformedFrameError, KeyError, TypeError) as error:
            raise RecordingError(line.path, line.number, str(error)) from None
        return ()
