"""Which streams of a refused SUBSCRIBE are to blame, found by halves, and when they are asked for again.

The exchange refuses a request as a whole and names no stream. So each half is asked for in a request of its own, until
a single stream is refused: log2 steps, in which all others come up. What is found out holds across connections. Owned
by a socket actor; the time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.errors import SubscriptionError
    from depthactors.pacing import Backoff


@dataclass(slots=True)
class _Refused:
    """A stream that was refused alone.

    Attributes:
        error: the exchange's words.
        times: refusals in a row.
        due: when it is to be asked for again; infinite while its answer is awaited.
    """

    error: SubscriptionError
    times: int = 0
    due: float = inf


class Refusals:
    """What was refused so far and is still wanted."""

    def __init__(self, backoff: Backoff) -> None:
        """Begin with nothing refused; `backoff` has the waits of a stream that is refused repeatedly."""
        self._backoff = backoff
        self._groups: list[tuple[bytes, ...]] = []
        self._alone: dict[bytes, _Refused] = {}

    def __contains__(self, stream: bytes) -> bool:
        """Whether the stream is among those that are asked for apart from the others."""
        return stream in self._alone or any(stream in group for group in self._groups)

    @property
    def groups(self) -> tuple[tuple[bytes, ...], ...]:
        """Streams that were refused together, and of which it is not known which: a request each."""
        return tuple(self._groups)

    def refuse(self, streams: Iterable[bytes], error: SubscriptionError) -> tuple[tuple[bytes, ...], ...]:
        """Take the streams of a refused request; returns what to ask for instead, nothing for a single stream."""
        refused = tuple(streams)
        self._remove(refused)
        if len(refused) > 1:
            half = len(refused) // 2
            halves = refused[:half], refused[half:]
            self._groups += halves
            return halves
        for stream in refused:
            self._alone.setdefault(stream, _Refused(error)).times += 1
            self._alone[stream].error = error
        return ()

    def accept(self, streams: Iterable[bytes]) -> None:
        """Forget streams that the exchange accepted, or that nobody wants any more."""
        gone = tuple(streams)
        self._remove(gone)
        for stream in gone:
            self._alone.pop(stream, None)

    def times(self, stream: bytes) -> int:
        """Return how often in a row the stream was refused alone."""
        return self._alone[stream].times if stream in self._alone else 0

    def error(self, stream: bytes) -> SubscriptionError | None:
        """Return why the stream was refused alone, `None` if it was not."""
        return self._alone[stream].error if stream in self._alone else None

    def postpone(self, stream: bytes, now: float, uniform: float) -> float:
        """Set when a stream that was refused alone is due; returns the wait until then, see `Backoff.wait`."""
        wait = self._backoff.wait(0, self.times(stream), uniform) or 0.0
        self._alone[stream].due = now + wait
        return wait

    def take_due(self, now: float) -> tuple[tuple[bytes, ...], ...]:
        """Return the streams to ask for again by now, a request each."""
        due = [stream for stream, refused in self._alone.items() if refused.due <= now]
        for stream in due:
            self._alone[stream].due = inf
        return tuple((stream,) for stream in due)

    def resume(self, now: float) -> None:
        """Let streams be due whose answer will not come, as the connection that they were asked for on is over."""
        for refused in self._alone.values():
            if refused.due == inf:
                refused.due = now

    def _remove(self, streams: tuple[bytes, ...]) -> None:
        if self._groups:
            gone = set(streams)
            left = (tuple(stream for stream in group if stream not in gone) for group in self._groups)
            self._groups = [group for group in left if group]
