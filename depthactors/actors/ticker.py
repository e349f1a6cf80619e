"""The actor that puts the bookTicker frames of a book into the book's recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depthactors import binance
from depthactors.actors.base import EngineActor
from depthactors.actors.book_messages import FramesLost, StreamDown, StreamUp
from depthactors.dispatcher.mailbox import Frames
from depthactors.errors import MalformedFrameError, UsageError

if TYPE_CHECKING:
    import pykka

    from depthactors.actors.book_recorder import BookRecorder


class TickerActor(EngineActor):
    """Takes one bookTicker stream. Two connections beside each other both bring it for a moment: both are recorded.

    Thread: all methods but `__init__` run in the actor's.
    """

    def __init__(self, name: str, recorder: BookRecorder, supervisor: pykka.ActorRef[Any]) -> None:
        """Take the recorder of the book; frames come once the stream is subscribed to."""
        super().__init__(name, supervisor)
        self._recorder = recorder
        self._up: set[int] = set()

    def handle(self, message: Any) -> None:
        """Handle frames, and the news of their connections."""
        match message:
            case Frames():
                # Nothing else reads them before they are in the file, which one bad line would end for its readers.
                frames = [frame for frame in message.frames if _is_event(frame)]
                self._recorder.other(frames, message.recv_time)
                if len(frames) < len(message.frames):
                    self._recorder.lost(len(message.frames) - len(frames), "a frame of bookTicker that cannot be read")
            case StreamUp(epoch):
                self._up.add(epoch)
            case StreamDown(epoch, error):
                was_up = bool(self._up)
                self._up.discard(epoch)
                if was_up and not self._up:
                    self._recorder.interrupted(f"bookTicker: {error}")
            case FramesLost(_, count):
                self._recorder.lost(count, "no room for frames of bookTicker")
            case _:
                msg = f"{self.name}: expected frames, was {type(message).__name__}"
                raise UsageError(msg)


def _is_event(frame: bytes) -> bool:
    """Return whether a frame is a JSON object of a bookTicker stream, with an object as its event."""
    try:
        message = binance.decode(frame)
        binance.payload_of(message)
    except MalformedFrameError:
        return False
    return binance.stream_of(message).endswith(b"@bookTicker")
