"""What a socket actor is sent: by the supervisor, and by the reader thread of its connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pykka

    from depthactors.errors import ExchangeError, StreamError


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Carry `stream` and bring its frames to `ref`; for one already carried, change only the receiver."""

    stream: str
    ref: pykka.ActorRef[Any]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Carry `stream` no longer; its receiver is told of the end if an `error` says why."""

    stream: str
    error: StreamError | None = None


@dataclass(frozen=True, slots=True)
class Resubscribe:
    """Ask the exchange for `stream` once more, from the beginning: it is acknowledged and brings nothing."""

    stream: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The reader's handshake is done."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The reader ended."""

    epoch: int
    error: StreamError


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The exchange accepted a control message; `streams` are those that it subscribed to."""

    epoch: int
    streams: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The exchange refused a control message; `streams` are those that it was to subscribe to, none of which is."""

    epoch: int
    streams: tuple[bytes, ...]
    error: str
    code: int | None


@dataclass(frozen=True, slots=True)
class ShutdownAnnounced:
    """The exchange will end connection `epoch` soon."""

    epoch: int


@dataclass(frozen=True, slots=True)
class FrameRejected:
    """Connection `epoch` brought a frame of which not even the stream could be told."""

    epoch: int
    error: ExchangeError
