"""The messages to a socket actor: of the supervisor, of the reader threads of its connections, and of its timers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pykka

    from depthactors.errors import ExchangeError, StreamError


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Carry `stream` and bring its frames to `ref`; if the stream is carried already, change only the receiver."""

    stream: str
    ref: pykka.ActorRef[Any]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Carry `stream` no longer; its receiver is notified of the end if there is an `error` and the stream was up."""

    stream: str
    error: StreamError | None = None


@dataclass(frozen=True, slots=True)
class Resubscribe:
    """Give `stream` back and subscribe to it anew: it was acknowledged and brings nothing."""

    stream: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The handshake is done."""

    epoch: int


@dataclass(frozen=True, slots=True)
class ConnectionEnded:
    """The connection has ended; its reader thread sends nothing after this."""

    epoch: int
    error: StreamError


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The exchange accepted a control message, and brings `streams`; none for an UNSUBSCRIBE."""

    epoch: int
    streams: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The exchange refused a control message as a whole; `streams` are those of a SUBSCRIBE."""

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
    """Connection `epoch` brought a frame of which not even the stream could be read."""

    epoch: int
    error: ExchangeError


# Timers.


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection, if there is none and one is needed; void unless `serial` is the latest timer's."""

    serial: int


@dataclass(frozen=True, slots=True)
class OpeningOverdue:
    """Connection `epoch` should be open by now."""

    epoch: int


@dataclass(frozen=True, slots=True)
class SendRequests:
    """Send the control messages that wait on connection `epoch`."""

    epoch: int


@dataclass(frozen=True, slots=True)
class AnswerOverdue:
    """The control message of this id should be answered by now."""

    request_id: int


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Ask for streams that were refused and whose wait is over."""


@dataclass(frozen=True, slots=True)
class Rotate:
    """Open the successor of connection `epoch`."""

    epoch: int


@dataclass(frozen=True, slots=True)
class OverlapOver:
    """Connection `epoch` and its predecessor have both brought all updates for a while."""

    epoch: int


@dataclass(frozen=True, slots=True)
class LeavingOverdue:
    """The peer should have ended connection `epoch` by now."""

    epoch: int


@dataclass(frozen=True, slots=True)
class CheckReaders:
    """Check whether a reader thread has ended without notifying the actor."""
