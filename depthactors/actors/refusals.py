"""The streams to blame for a refused SUBSCRIBE, found by halves, and the time to ask for each again. Pure.

The exchange refuses a request as a whole and names no stream. So each half is asked for in a request of its own, until
a single stream is refused: log2 steps, in which all others come up. The result is kept across connections.
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
        error: the error that the exchange gave.
        times: number of refusals in a row.
        due: the time at which it is to be asked for again; infinite while its answer is awaited.
    """

    error: SubscriptionError
    times: int = 0
    due: float = inf


class Refusals:
    """The streams that were refused so far and are still wanted."""

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
        """Groups of streams that were refused together, without knowing which of them is to blame: a request each."""
        return tuple(self._groups)

    def refuse(self, streams: Iterable[bytes], error: SubscriptionError) -> tuple[tuple[bytes, ...], ...]:
        """Note the streams of a refused request; returns the groups to ask for instead, none for a single stream."""
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
        """Forget streams that the exchange accepted, or that are not wanted any more."""
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
        """Set the time at which a stream that was refused alone is due; returns the wait, see `Backoff.wait`."""
        wait = self._backoff.wait(0, self.times(stream), uniform) or 0.0
        self._alone[stream].due = now + wait
        return wait

    def take_due(self, now: float) -> tuple[tuple[bytes, ...], ...]:
        """Return the streams that are due, a request each; they are due once."""
        due = [stream for stream, refused in self._alone.items() if refused.due <= now]
        for stream in due:
            self._alone[stream].due = inf
        return tuple((stream,) for stream in due)

    def resume(self, now: float) -> None:
        """Make streams due whose answer will not come, because the connection of their request has ended."""
        for refused in self._alone.values():
            if refused.due == inf:
                refused.due = now

    def _remove(self, streams: tuple[bytes, ...]) -> None:
        if self._groups:
            gone = set(streams)
            left = (tuple(stream for stream in group if stream not in gone) for group in self._groups)
            self._groups = [group for group in left if group]
