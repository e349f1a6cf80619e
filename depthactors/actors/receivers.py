"""The receivers of a socket's streams: the actors to which their frames are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pykka


class Receivers:
    """The receiver of each stream of a socket, for all connections of it.

    The socket actor changes them. Each change makes a new mapping: a reader thread looks up all frames of one
    read in the mapping that it found. Cost of a change: O(streams).

    Attributes:
        now: the receiver of each stream; the mapping itself never changes.
    """

    def __init__(self) -> None:
        """Begin without a stream."""
        self.now: Mapping[bytes, pykka.ActorRef[Any]] = {}

    def put(self, stream: bytes, ref: pykka.ActorRef[Any]) -> None:
        """Bring the stream's frames to this actor from now on."""
        self.now = {**self.now, stream: ref}

    def pop(self, stream: bytes) -> pykka.ActorRef[Any] | None:
        """Remove the stream's receiver and return it, `None` if there is none."""
        ref = self.now.get(stream)
        if ref is not None:
            self.now = {name: each for name, each in self.now.items() if name != stream}
        return ref
