"""The subscriptions of one connection. Pure: no thread, no lock, no clock; the stream names are opaque.

One rule decides: **a stream is up when the last request about it was a SUBSCRIBE that the exchange accepted**, and no
UNSUBSCRIBE of it waits to be sent. Before a request is sent, its streams wait in one of three queues: those to give
back (UNSUBSCRIBE), those to ask for (SUBSCRIBE), and groups to ask for apart, each in a request of its own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable


@dataclass(eq=False, slots=True)
class ControlRequest:
    """A control message.

    Attributes:
        request_id: the id that the answer repeats.
        streams: the streams that it is about.
        subscribes: `True` for a SUBSCRIBE, `False` for an UNSUBSCRIBE.
        accepted: the exchange's answer; `None` while there is none.
        came_up: the streams that came up with the answer.
    """

    request_id: int
    streams: tuple[bytes, ...]
    subscribes: bool
    accepted: bool | None = None
    came_up: tuple[bytes, ...] = ()


class Subscriptions:
    """The streams of one connection, from the wish to the answer. Thread: one at a time."""

    def __init__(self) -> None:
        """Begin with nothing requested."""
        self._to_give_back: dict[bytes, None] = {}
        self._to_ask_for: dict[bytes, None] = {}
        self._apart: deque[tuple[bytes, ...]] = deque()
        # The last request about a stream, while it is unanswered, or a SUBSCRIBE that was accepted.
        self._latest: dict[bytes, ControlRequest] = {}
        self._unanswered: dict[int, ControlRequest] = {}
        self._came_up: set[bytes] = set()

    def begin(self, streams: Iterable[bytes], apart: Iterable[tuple[bytes, ...]]) -> None:
        """Ask for these on a connection that has just opened, and for no others."""
        self._to_give_back.clear()
        self._to_ask_for = dict.fromkeys(streams)
        self._apart = deque(apart)

    def want(self, stream: bytes) -> None:
        """Ask for a stream, unless it is requested already."""
        # What is about to be given back is asked for anew behind that: its receiver waits for the answer.
        if stream in self._to_give_back or not self._is_requested(stream):
            self._to_ask_for[stream] = None

    def want_apart(self, groups: Iterable[tuple[bytes, ...]]) -> None:
        """Ask for streams behind all others, each group in a request of its own."""
        self._apart.extend(groups)

    def drop(self, stream: bytes) -> bool:
        """Give a stream back, or do not ask for it; it has no receiver any more. Returns whether it came up."""
        came_up = stream in self._came_up
        self._came_up.discard(stream)
        if stream in self._to_ask_for:
            del self._to_ask_for[stream]
        elif self._is_requested(stream):
            self._to_give_back[stream] = None
        return came_up

    def renew(self, stream: bytes) -> None:
        """Give a stream back and ask for it anew, if it is up."""
        if self.is_up(stream):
            self._to_give_back[stream] = None
            self._to_ask_for[stream] = None

    def has_more(self, followed: Container[bytes]) -> bool:
        """Return whether there is something to send; `followed` are the streams with a receiver."""
        return bool(self._to_give_back or self._to_ask_for or self._next_group(followed))

    def next_request(self, request_id: int, most: int, followed: Container[bytes]) -> ControlRequest | None:
        """Take what is to be sent next, for at most `most` streams; `None` if there is nothing.

        What is to be given back goes first.
        """
        if self._to_give_back:
            streams, subscribes = _taken(self._to_give_back, most), False
        elif self._to_ask_for:
            streams, subscribes = _taken(self._to_ask_for, most), True
        elif group := self._next_group(followed):
            self._apart.popleft()
            if group[most:]:
                self._apart.appendleft(group[most:])
            streams, subscribes = group[:most], True
        else:
            return None
        request = ControlRequest(request_id, streams, subscribes)
        self._latest.update(dict.fromkeys(streams, request))
        self._unanswered[request_id] = request
        return request

    def answer(self, request_id: int | None, *, accepted: bool) -> ControlRequest | None:
        """Take the exchange's answer to a request; returns the request, `None` if the answer belongs to none.

        Answers come in order: one without an id belongs to the first request that has none.
        """
        if request_id is None:
            request_id = next(iter(self._unanswered), None)
        request = None if request_id is None else self._unanswered.pop(request_id, None)
        if request is None:
            return None
        request.accepted = accepted
        # A later request about a stream overrules this one.
        latest = [stream for stream in request.streams if self._latest.get(stream) is request]
        if request.subscribes and accepted:
            request.came_up = tuple(stream for stream in latest if stream not in self._to_give_back)
            self._came_up.update(request.came_up)
        else:
            for stream in latest:
                del self._latest[stream]
        return request

    def is_up(self, stream: bytes) -> bool:
        """Return whether the exchange brings the stream, and it is not about to be given back."""
        latest = self._latest.get(stream)
        return latest is not None and latest.subscribes and bool(latest.accepted) and stream not in self._to_give_back

    def is_unanswered(self, request_id: int) -> bool:
        """Return whether the request of that id was sent and has no answer."""
        return request_id in self._unanswered

    def unanswered(self) -> list[tuple[bytes, ...]]:
        """Return the streams of each SUBSCRIBE without an answer, in the order in which they were sent."""
        return [request.streams for request in self._unanswered.values() if request.subscribes]

    @property
    def came_up(self) -> frozenset[bytes]:
        """The streams that were up, and were not dropped since; those that are being renewed too."""
        return frozenset(self._came_up)

    @property
    def asked_for(self) -> frozenset[bytes]:
        """The streams whose last request is a SUBSCRIBE without an answer."""
        return frozenset(
            stream for stream, latest in self._latest.items() if latest.subscribes and latest.accepted is None
        )

    def _is_requested(self, stream: bytes) -> bool:
        """Return whether the last request about the stream is a SUBSCRIBE that was not refused."""
        latest = self._latest.get(stream)
        return latest is not None and latest.subscribes

    def _next_group(self, followed: Container[bytes]) -> tuple[bytes, ...]:
        """Return the next group to ask for apart, of followed and unrequested streams; empty if there is none."""
        while self._apart:
            group = tuple(each for each in self._apart[0] if each in followed and not self._is_requested(each))
            if group:
                self._apart[0] = group
                return group
            self._apart.popleft()
        return ()


def _taken(queue: dict[bytes, None], most: int) -> tuple[bytes, ...]:
    """Remove the first streams of a queue, at most `most`, and return them."""
    streams = tuple(islice(queue, most))
    for stream in streams:
        del queue[stream]
    return streams
