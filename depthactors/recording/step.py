"""The lines of a recording, passed to a state machine one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthactors import binance
from depthactors.errors import MalformedFrameError, RecordingError, StreamError
from depthactors.recording.parts import INTERRUPTED
from depthactors.sync import Synchronizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.binance import Snapshot
    from depthactors.book import OrderBook
    from depthactors.markets import Market
    from depthactors.recording.lines import Line

_NS: Final = 1e-9
_BUFFER: Final = 100_000
"""Events that may stand before the snapshot which they continue: hours of a quiet book, minutes of a busy one."""


class Stepper:
    """Passes the lines of one symbol to a state machine, as if they came by a connection.

    Memory is bounded, however long the recording is.

    Attributes:
        machine: the state machine.
        interruptions: the number of places where the recording is interrupted.
    """

    def __init__(self, market: Market, symbol: str, new_book: Callable[[Snapshot, float], OrderBook]) -> None:
        """Begin the first connection.

        Args:
            market: market of the recording.
            symbol: symbol of the recording.
            new_book: makes a book of a snapshot and the time of its receipt.
        """
        self.machine = Synchronizer(market.sequencing, new_book, buffer_limit=_BUFFER)
        self.interruptions = 0
        self._market, self._symbol = market, symbol
        # Whether no diff has come since an interruption, and the snapshot that waits for the first one.
        self._is_silent = False
        self._held: Line | None = None
        self.machine.stream_up(1)

    def step(self, line: Line | None) -> None:
        """Pass a depth event, a snapshot, or `None` for an interruption; other lines have no effect.

        Raises:
            RecordingError: a depth event or snapshot that is malformed, or of another symbol; names file and line.
        """
        machine, epoch = self.machine, 1 + self.interruptions
        if line is None:
            self.interruptions += 1
            self._is_silent, self._held = True, None
            machine.stream_down(epoch, StreamError(INTERRUPTED))
            machine.stream_up(epoch + 1)
            return
        try:
            if line.is_snapshot:
                limit = self._market.implied_limit(max(len(line.message["bids"]), len(line.message["asks"])))
                snapshot = binance.parse_snapshot(line.message, limit, self._symbol)
                if self._is_alone_below(snapshot):
                    self._held = line
                else:
                    machine.snapshot(epoch, snapshot, line.recv_ns * _NS)
            elif line.is_diff:
                diff = binance.parse_diff(line.event, self._market.sequencing, self._symbol)
                machine.diff(epoch, diff, line.recv_ns * _NS)
                held, self._is_silent, self._held = self._held, False, None
                if held is not None:
                    self.step(held)
        except (MalformedFrameError, KeyError, TypeError) as error:
            raise RecordingError(line.path, line.number, str(error)) from None

    def _is_alone_below(self, snapshot: Snapshot) -> bool:
        """Return whether a snapshot is to wait for a diff, which shows whether it is old or the ids began anew.

        A file begins with its snapshot, and the ids may have begun anew since the file before.
        """
        book = self.machine.book
        return self._is_silent and book is not None and snapshot.last_update_id < book.last_update_id
