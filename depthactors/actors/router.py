"""From one connection's frames to the books that they belong to.

The frames of one read are handed over in bulk: one message for each book. Replies of the exchange are handled at their
place among the frames, so that a book gets `StreamUp` before the first frame of the acknowledged subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from depthactors import binance
from depthactors.actors.book_messages import FramesLost, StreamDown, StreamUp
from depthactors.actors.socket_messages import (
    Acknowledged,
    ConnectionEnded,
    FrameRejected,
    Opened,
    RequestRefused,
    ShutdownAnnounced,
)
from depthactors.binance import read_envelope
from depthactors.dispatcher.mailbox import Frames, mailbox_of, tell
from depthactors.errors import MalformedFrameError, StreamError, as_value

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.receivers import Receivers
    from depthactors.actors.subscriptions import Subscriptions
    from depthactors.dispatcher.guarded import Guarded

_MOST_REJECTED: Final = 100
"""Frames that cannot be read, or that answer nothing, after which the connection is as good as none."""


class Router:
    """One connection's way to the books.

    Thread: the reader's, except where an attribute or a method says otherwise.

    Attributes:
        epoch: the connection's number, in every message that comes from it.
        predecessor: the connection that this one is to succeed; `None` if there is none, or if it ended before its
            time. Read and changed within `subscriptions`.
        is_detached: no book is notified of the end. Read and changed within `subscriptions`.
        unrouted: number of frames of streams that are not followed (any more).
        rejected: number of frames that could not be read, and of replies to nothing.
    """

    def __init__(
        self,
        epoch: int,
        owner: pykka.ActorRef[Any],
        receivers: Receivers,
        subscriptions: Guarded[Subscriptions],
        *,
        notify_failure: bool,
        predecessor: int | None = None,
    ) -> None:
        """Serve one connection.

        Args:
            epoch: the connection's number.
            owner: the socket actor.
            receivers: the receiver of each stream.
            subscriptions: the subscriptions of the connection.
            notify_failure: whether all books are notified of the end if no request was accepted: once an outage.
            predecessor: the connection that this one is to succeed.
        """
        self.epoch = epoch
        self.predecessor = predecessor
        self.is_detached = False
        self.unrouted = 0
        self.rejected = 0
        self._owner = owner
        self._receivers = receivers
        self._subscriptions = subscriptions
        self._notify_failure = notify_failure
        self._lost: dict[bytes, int] = {}
        self._shutdown_announced = False

    def opened(self) -> None:
        """Report to the socket actor that the handshake is done."""
        tell(self._owner, Opened(self.epoch))

    def route(self, opcode: int, frames: list[bytes], recv_time: float) -> None:
        """Hand frames that one read brought, all of one opcode, to the books; O(frames).

        Raises:
            StreamError: the connection brings too many frames that cannot be read; it is to end.
        """
        groups: dict[bytes, list[bytes]] = {}
        receivers = self._receivers.now
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
            elif stream in receivers:
                groups[stream] = [payload]
            else:
                # A reply, a notice, or a stream without a receiver: first deliver what came before it.
                self._deliver(groups, recv_time)
                groups = {}
                self._take_other(payload, recv_time)
        self._deliver(groups, recv_time)

    def closed(self, error: StreamError) -> None:
        """Notify the books, behind their last frames, and the socket actor. Thread: any, once the reader has ended.

        The books whose stream was up here are notified; with `notify_failure`, or if a request was accepted, also the
        books whose stream was asked for, and all books if no stream came up.
        """
        with self._subscriptions as subscriptions:
            receivers = self._receivers.now
            # Also those whose stream is being renewed: they know it as up.
            concerned = set(subscriptions.came_up)
            if self._notify_failure:
                concerned |= subscriptions.asked_for if concerned else set(receivers)
            # In the order of the subscriptions: that of a set differs from one process to the next.
            for stream in () if self.is_detached else receivers:
                if stream in concerned:
                    self._put_ordered(receivers.get(stream), StreamDown(self.epoch, error))
        tell(self._owner, ConnectionEnded(self.epoch, error))

    def _deliver(self, groups: dict[bytes, list[bytes]], recv_time: float) -> None:
        receivers = self._receivers.now
        for stream, frames in groups.items():
            ref = receivers.get(stream)
            if ref is None:
                self.unrouted += len(frames)
                continue
            mailbox = mailbox_of(ref)
            if not mailbox.has_room(frames):
                if stream in self._lost:
                    self._lost[stream] += len(frames)
                else:
                    # At once: should the stream fall silent now, nothing else would show it.
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
        if isinstance(notice, binance.ControlReply):
            self._take_reply(notice, frame)
        elif notice is binance.Notice.SERVER_SHUTDOWN:
            if not self._shutdown_announced:
                self._shutdown_announced = True
                tell(self._owner, ShutdownAnnounced(self.epoch))
        else:
            # A name with escapes is found by the characters that they stand for.
            self._deliver({binance.stream_of(message): [frame]}, recv_time)

    def _take_reply(self, reply: binance.ControlReply, frame: bytes) -> None:
        is_error = reply.error is not None
        request_id = reply.request_id
        if type(request_id) is not int and not (request_id is None and is_error):
            # Only errors come without the id of their request.
            request_id = -1
        with self._subscriptions as subscriptions:
            request = subscriptions.answer(request_id, accepted=not is_error)
            streams = request.streams if request is not None and request.subscribes else ()
            # At its place among the frames, and before the socket actor can give the stream back.
            for stream in () if request is None else request.came_up:
                self._put_ordered(self._receivers.now.get(stream), StreamUp(self.epoch, self.predecessor))
        if request is None:
            self._reject(MalformedFrameError("expected a reply to a request that is not answered yet", frame))
        elif reply.error is not None:
            tell(self._owner, RequestRefused(self.epoch, streams, reply.error, reply.code))
        else:
            # It serves, so its end is another outage than the one before it.
            self._notify_failure = True
            self._lost = {stream: count for stream, count in self._lost.items() if stream in self._receivers.now}
            tell(self._owner, Acknowledged(self.epoch, streams))

    @staticmethod
    def _put_ordered(ref: pykka.ActorRef[Any] | None, message: StreamUp | StreamDown) -> None:
        if ref is not None:
            mailbox_of(ref).put_ordered(message)

    def _reject(self, error: MalformedFrameError) -> None:
        self.rejected += 1
        if self.rejected > _MOST_REJECTED:
            msg = f"expected depth events and replies, {self.rejected} frames were unreadable, the last one: {error}"
            raise StreamError(msg)
        tell(self._owner, FrameRejected(self.epoch, as_value(error)))
