"""The client's end of a simulated connection: what `net.stream.StreamConnection` is to the actors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.errors import StreamError
from tests.sim.session import End, Frame, Sign, SimulatedSession

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from depthactors.net.settings import NetworkSettings
    from tests.sim.scheduler import Scheduler

TEXT = 1
"""The opcode of a text frame."""
_LONGEST_READ = 256 * 1024
"""Bytes of a read, about."""
_SOON = 0.002
"""Seconds that an abort takes at most."""
_ROUNDING = 1e-6


class SimulatedStream:
    """A connection, from the attempt to `on_close`; it is used once.

    `on_open` is called after the handshake, `on_frames` with the messages of each read, and last `on_close`, always and
    exactly once. None of them is called within `send`, `close` or `abort`.

    Attributes:
        read_at: the time of the last read, monotonic; 0 before the first.
        is_alive: whether `on_close` is still to come.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        draws: Random,
        settings: NetworkSettings,
        url: str,
        on_open: Callable[[], None],
        on_frames: Callable[[int, list[bytes], float], None],
        on_close: Callable[[StreamError], None],
    ) -> None:
        self.url = url
        self.read_at = 0.0
        self.is_alive = True
        self._scheduler, self._draws = scheduler, draws
        self._silence_limit = settings.silence_limit
        self._on_open, self._on_frames, self._on_close = on_open, on_frames, on_close
        self._session: SimulatedSession | None = None
        self._reason = StreamError(f"{url}: closed by this side")
        self._is_aborting = self._is_closing = self._has_pinged = False
        self._heard_at = 0.0

    def send(self, text: bytes) -> None:
        """Send one text frame.

        Raises:
            StreamError: the connection is not open.
        """
        if self._session is None or not self.is_alive or self._is_aborting:
            msg = f"could not send on {self.url}: it is not open"
            raise StreamError(msg)
        self._session.up.send(text)

    def close(self, reason: StreamError) -> None:
        """Ask the peer to end the connection; `on_close` is called with `reason`."""
        self._reason, self._is_closing = reason, True
        if self._session is not None and self.is_alive:
            self._session.close_by_client()

    def abort(self, reason: StreamError | None = None) -> None:
        """End the connection by force; `on_close` is called with `reason`."""
        if reason is not None:
            self._reason = reason
        if not self._is_aborting and self.is_alive:
            self._is_aborting = True
            self._scheduler.after(_SOON * self._draws.random(), self._end_by_force)

    @property
    def session(self) -> SimulatedSession | None:
        """The exchange's end, while the connection is open; `None` before and after that."""
        return self._session if self.is_alive else None

    def open(self, session: SimulatedSession) -> None:
        """The handshake is done."""
        if self.is_alive and not self._is_aborting:
            self._session = session
            self._heard_at = self._scheduler.monotonic()
            self._scheduler.after(self._silence_limit, self._watch)
            self._on_open()
        else:
            session.gone()

    def fail(self, error: StreamError) -> None:
        """End with this cause, or with the program's own reason if it ended the connection."""
        if not self.is_alive:
            return
        self.is_alive = False
        if self._session is not None:
            self._session.down.close()
            self._scheduler.after(self._session.up.latency(), self._session.gone)
        self._on_close(self._reason if self._is_aborting or self._is_closing else error)

    def read(self, pieces: list[Frame | End | Sign]) -> None:
        """Take what has arrived."""
        if self._is_aborting:
            return
        self.read_at = self._heard_at = self._scheduler.monotonic()
        self._has_pinged = False
        self._pass_on(pieces)
        if isinstance(pieces[-1], End):
            self.fail(pieces[-1].error)

    def _pass_on(self, pieces: list[Frame | End | Sign]) -> None:
        """Pass the frames on, as many at once as a read has."""
        recv_time = self._scheduler.time()
        frames: list[bytes] = []
        size = 0
        for piece in pieces:
            if isinstance(piece, Frame):
                frames.append(piece.text)
                size += len(piece.text)
                if size > _LONGEST_READ:
                    self._on_frames(TEXT, frames, recv_time)
                    frames, size = [], 0
        if frames:
            self._on_frames(TEXT, frames, recv_time)

    def _end_by_force(self) -> None:
        # What was read and not passed on when the abort came still is; whether there was something is chance.
        if self._session is not None and self.is_alive and self._draws.random() < 0.5:
            self._pass_on(self._session.down.arrived())
        self.fail(self._reason)

    def _watch(self) -> None:
        """Ping a silent peer; give it up when it stays silent for as long again."""
        session = self._session
        if not self.is_alive or session is None:
            return
        idle = self._scheduler.monotonic() - self._heard_at
        limit = self._silence_limit
        if session.down.is_held:
            # The reader does not wait for bytes, so it does not notice that none come.
            self._scheduler.after(limit, self._watch)
        elif idle < limit - _ROUNDING:
            self._scheduler.after(limit - idle, self._watch)
        elif not self._has_pinged:
            self._has_pinged = True
            session.ping_by_client()
            self._scheduler.after(limit, self._watch)
        else:
            self.fail(StreamError(f"{self.url}: silent for {2 * limit:g} s, pinged without an answer"))
