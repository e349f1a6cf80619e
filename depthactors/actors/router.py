"""From one connection's frames to the books they belong to; runs in the reader thread.

What a read brought is handed over in bulk: one message a book, however many frames it had. Replies
of the exchange are taken in their place among the frames, so that a book hears `StreamUp` before
the first frame that the acknowledged subscription brings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from depthactors import binance
from depthactors.actors.book_messages import FramesLost, StreamDown, StreamUp
from depthactors.actors.mailbox import Frames, mailbox_of, tell
from depthactors.actors.socket_messages import Acknowledged, Closed, FrameRejected, Opened, Refused, ShutdownAnnounced
from depthactors.binance import read_envelope
from depthactors.errors import MalformedFrameError, StreamError, as_value

if TYPE_CHECKING:
    import pykka

_MOST_REJECTED: Final = 100
"""Frames that nobody can read or asked for, after which the connection is as good as none."""


class Router:
    """One connection's way to the books.

    The socket actor writes `routes`, `pending` and `latest`, the reader thread reads them, and takes
    from `pending`: single dict operations, atomic under the GIL. Everything else is the reader's.

    Attributes:
        epoch: the connection's number, in every message that comes of it.
        beside: the connection that it is the successor of, if any; `None` if that one ended before its time.
        routes: the receiver of each stream, shared with the socket actor.
        pending: streams of each SUBSCRIBE that is not answered yet, by request id.
        latest: the last request that was sent about each stream, SUBSCRIBE or UNSUBSCRIBE.
        tell_failure: whether all shall hear of the end if no stream came up: once an outage.
        unrouted: frames of streams that nobody follows (any more).
        rejected: frames that could not be read at all, and replies to nothing.
    """

    def __init__(
        self,
        epoch: int,
        owner: pykka.ActorRef[Any],
        routes: dict[bytes, pykka.ActorRef[Any]],
        *,
        tell_failure: bool,
        beside: int | None = None,
    ) -> None:
        """Serve one connection."""
        self.epoch = epoch
        self.beside = beside
        self.routes = routes
        self.pending: dict[int, list[bytes]] = {}
        self.latest: dict[bytes, int] = {}
        self.tell_failure = tell_failure
        self.unrouted = 0
        self.rejected = 0
        self._owner = owner
        self._acknowledged: dict[bytes, int] = {}
        self._lost: dict[bytes, int] = {}
        self._shutdown_told = False

    def opened(self) -> None:
        """Pass on that the handshake is done."""
        tell(self._owner, Opened(self.epoch))

    def route(self, opcode: int, frames: list[bytes], recv_time: float) -> None:
        """Hand frames that one read brought, all of one opcode, to the books; O(frames).

        Raises:
            StreamError: the connection brings too much that nobody can read; it is to end.
        """
        groups: dict[bytes, list[bytes]] = {}
        routes = self.routes
        for frame in frames:
            try:
                stream, payload = read_envelope(opcode, frame)
            except MalformedFrameError as error:
                # It may end the connection: first what came before it.
                self._deliver(groups, recv_time)
                groups = {}
                self._reject(error)
                continue
            group = groups.get(stream)
            if group is not None:
                group.append(payload)
            elif stream in routes:
                groups[stream] = [payload]
            else:
                # A reply, a notice or a stranger: first what came before it.
                self._deliver(groups, recv_time)
                groups = {}
                self._take_other(payload, recv_time)
        self._deliver(groups, recv_time)

    def closed(self, error: StreamError) -> None:
        """Tell the books, behind their last frames, and the socket actor.

        Those that had a stream here; and those that were to have one, unless they know of the outage.
        """
        # Each that was up, whatever was asked about it since: to a book that heard of it, the end is no news.
        concerned = set(self._acknowledged)
        if self.tell_failure:
            concerned.update(stream for stream in list(self.latest) if self.is_asked(stream))
            if not self._acknowledged:
                concerned.update(list(self.routes))
        for stream in concerned:
            ref = self.routes.get(stream)
            if ref is not None:
                mailbox_of(ref).put_ordered(StreamDown(self.epoch, error))
        tell(self._owner, Closed(self.epoch, error))

    def fall_silent(self) -> None:
        """Tell no book of the end; the socket actor's thread."""
        self.latest.clear()
        self._acknowledged.clear()
        self.tell_failure = False

    def forget_unfollowed(self) -> None:
        """Forget streams that nobody follows and about which no answer is awaited; the socket actor's thread."""
        gone = [name for name, last in self.latest.items() if name not in self.routes and last not in self.pending]
        for stream in gone:
            del self.latest[stream]
            self._acknowledged.pop(stream, None)

    def is_up(self, stream: bytes) -> bool:
        """Tell whether the last request about the stream was a SUBSCRIBE and was acknowledged."""
        request_id = self._acknowledged.get(stream)
        return request_id is not None and request_id == self.latest.get(stream)

    def unanswered(self) -> list[list[bytes]]:
        """Return the streams of each SUBSCRIBE that is not answered, the earliest first."""
        return [streams for _, streams in sorted(self.pending.items()) if streams]

    def is_asked(self, stream: bytes) -> bool:
        """Tell whether the last request about the stream was a SUBSCRIBE and is not answered yet."""
        return stream in self.pending.get(self.latest.get(stream, 0), ())

    def _deliver(self, groups: dict[bytes, list[bytes]], recv_time: float) -> None:
        for stream, frames in groups.items():
            ref = self.routes.get(stream)
            if ref is None:
                self.unrouted += len(frames)
                continue
            mailbox = mailbox_of(ref)
            if not mailbox.has_room(frames):
                if stream in self._lost:
                    self._lost[stream] += len(frames)
                else:
                    # At once: should the stream fall silent now, nothing else would tell.
                    self._lost[stream] = 0
                    mailbox.put_ordered(FramesLost(self.epoch, len(frames)))
                continue
            if self._lost and (more := self._lost.pop(stream, 0)):
                mailbox.put_ordered(FramesLost(self.epoch, more))
            mailbox.put_frames(Frames(self.epoch, frames, recv_time))

    def _take_other(self, frame: bytes, recv_time: float) -> None:
        try:
            message = binance.decode(frame)
        except MalformedFrameError as error:
            self._reject(error)
            return
        notice = binance.parse_notice(message)
        if isinstance(notice, binance.Reply):
            self._take_reply(notice, frame)
        elif notice is binance.Notice.SERVER_SHUTDOWN:
            if not self._shutdown_told:
                self._shutdown_told = True
                tell(self._owner, ShutdownAnnounced(self.epoch))
        else:
            # A name with escapes is found by the characters that they stand for.
            self._deliver({binance.stream_of(message): [frame]}, recv_time)

    def _take_reply(self, reply: binance.Reply, frame: bytes) -> None:
        request_id = reply.request_id if type(reply.request_id) is int else -1
        if reply.error is not None and reply.request_id is None:
            # Errors come without the request's number, too. Answers come in order: it is the first that has none.
            request_id = min(list(self.pending), default=-1)
        streams = self.pending.pop(request_id, None)
        if streams is None:
            self._reject(MalformedFrameError("expected a reply to a request that is not answered yet", frame))
            return
        if reply.error is not None:
            tell(self._owner, Refused(self.epoch, tuple(streams), reply.error, reply.code))
            return
        for stream in [each for each in self._lost if each not in self.routes]:
            del self._lost[stream]
        for stream in streams:
            self._acknowledged[stream] = request_id
            ref = self.routes.get(stream)
            # A later UNSUBSCRIBE has overtaken the answer.
            if ref is not None and self.is_up(stream):
                mailbox_of(ref).put_ordered(StreamUp(self.epoch, self.beside))
        tell(self._owner, Acknowledged(self.epoch, tuple(streams)))

    def _reject(self, error: MalformedFrameError) -> None:
        self.rejected += 1
        if self.rejected > _MOST_REJECTED:
            msg = f"expected depth events and replies, was unreadable for {self.rejected} frames, at last: {error}"
            raise StreamError(msg)
        tell(self._owner, FrameRejected(self.epoch, as_value(error)))
