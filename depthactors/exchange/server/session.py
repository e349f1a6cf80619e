"""An open websocket: a reader, a writer, and the ways in which it ends.

The protocol is that of `websockets` without I/O. Data frames bypass it: a server's frames are the same for
every client, so they are encoded once for all.
"""

from __future__ import annotations

import socket
from enum import Enum
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

from depthactors import reporting
from depthactors.exchange.server.heartbeat import Due, Heartbeat
from depthactors.exchange.server.outbox import Outbox
from depthactors.exchange.shapes.shape import shutdown
from depthactors.exchange.streams.message import text_frame

if TYPE_CHECKING:
    from websockets.protocol import Event as ProtocolEvent
    from websockets.server import ServerProtocol

    from depthactors.dispatcher import Clock
    from depthactors.exchange.fault import Fault
    from depthactors.exchange.limits import Limits
    from depthactors.exchange.server.client import Client

logger = reporting.logger(__name__)
CLOSING_PATIENCE: Final = 0.5
"""Seconds within which a client must reply to a close frame; then the TCP connection ends."""
GOING_AWAY: Final = 1001
POLICY: Final = 1008
LARGEST_READ: Final = 65_536


class _Ending(Enum):
    """How the writer ends the connection when it has sent everything."""

    HANDSHAKE = "it waits for the client's close frame"
    FIN = "it ends the connection without a close frame"
    RST = "it resets the connection"
    SILENCE = "not at all: the connection stays open and silent"


class Session:
    """One open websocket.

    Thread: `run` reads in the calling thread and has a writer thread of its own, which also pings. Any thread may call
    `close`, `give_up` and `suffer`, which never wait.
    """

    def __init__(self, sock: socket.socket, protocol: ServerProtocol, limits: Limits, unit: int, clock: Clock) -> None:
        """Take over an open websocket.

        Args:
            sock: the socket, blocking.
            protocol: the protocol, in state OPEN.
            limits: the limits of pings and of the connection's life.
            unit: the unit of the times in events, in microseconds.
            clock: the time by which the client is pinged.
        """
        self.outbox = Outbox(clock=clock)
        """The queue of frames to send."""
        self.reset = False
        """Whether the socket must be closed with a reset."""
        self._sock = sock
        self._protocol = protocol
        self._unit = unit
        self._clock = clock
        self._heartbeat = Heartbeat(limits, clock.monotonic())
        self._lock = Lock()
        self._over = Event()
        self._ending = _Ending.HANDSHAKE
        self._message = b""
        self._announced = False

    def run(self, client: Client, name: str) -> None:
        """Serve the client until either side ends the connection; the caller closes the socket.

        Args:
            client: handles the messages.
            name: the name of the writer's thread.
        """
        self._client = client
        writer = Thread(target=self._write, name=name, daemon=True)
        writer.start()
        try:
            client.start()
            while (data := self._sock.recv(LARGEST_READ)) and self._receive(data):
                pass
        finally:
            client.leave()
            self._over.set()
            self.outbox.finish()
            writer.join(CLOSING_PATIENCE)
            if writer.is_alive():
                self.give_up()
                writer.join(CLOSING_PATIENCE)

    def close(self, code: int = GOING_AWAY, reason: str = "") -> None:
        """Send what is queued, then close with a handshake."""
        last = b""
        with self._lock:
            if self._protocol.state is OPEN:
                self._protocol.send_close(code, reason)
                last = b"".join(self._protocol.data_to_send())
        self.outbox.finish(last)

    def give_up(self) -> None:
        """End the TCP connection at once, whatever is queued."""
        self._over.set()
        self.outbox.close()
        self._shut(socket.SHUT_RDWR)

    def suffer(self, fault: Fault) -> None:
        """Let a fault strike the connection."""
        match fault.kind:
            case "cut":
                self._end(_Ending.FIN)
            case "reset":
                self._end(_Ending.RST)
            case "half-open":
                self._end(_Ending.SILENCE)
            case "shutdown":
                self._announce_end(fault.seconds)
            case _:
                self.close()

    def _end(self, ending: _Ending) -> None:
        self._ending = ending
        self.outbox.finish()

    def _announce_end(self, seconds: float) -> None:
        if self._announced:
            return
        self._announced = True
        frame = shutdown(int(self._clock.time() * 1_000_000), combined=self._client.combined, unit=self._unit)
        with self._lock:
            self._heartbeat.end_by(self._clock.monotonic() + seconds)
        self.outbox.append(text_frame(frame))

    def _receive(self, data: bytes) -> bool:
        """Handle bytes from the client; `False` if nothing more is to be read."""
        if self._ending is _Ending.SILENCE:
            return True
        with self._lock:
            try:
                self._protocol.receive_data(data)
            except ProtocolError as error:
                logger.debug("a client broke the protocol: %s", error)
            events = self._protocol.events_received()
            replies = self._protocol.data_to_send()
        # An empty piece means that the protocol wants the connection to end.
        ends = b"" in replies
        if replies and not ends:
            self.outbox.append(b"".join(replies))
        allowed = all(self._handle(event) for event in events)
        if ends:
            self.outbox.finish(b"".join(replies))
            return False
        if allowed:
            return True
        # Unread data would turn the end of the connection into a reset; the writer ends it.
        while self._sock.recv(LARGEST_READ):
            pass
        return False

    def _handle(self, event: ProtocolEvent) -> bool:
        """Handle a frame; `False` if it was one too many."""
        if not isinstance(event, Frame) or event.opcode is Opcode.CLOSE:
            return True
        if not self._client.counts():
            return False
        if event.opcode is Opcode.PONG:
            with self._lock:
                self._heartbeat.received(bytes(event.data))
        elif event.opcode is not Opcode.PING:
            self._message += event.data
            if event.fin:
                message, self._message = self._message, b""
                self._client.handle(message)
        return True

    def _write(self) -> None:
        """Send frames and pings; then end the connection."""
        try:
            while (batch := self.outbox.take(self._wait())) is not None:
                if batch:
                    self._sock.sendall(batch)
                self._keep_heartbeat()
        except OSError as error:
            logger.debug("connection over: %s", error)
            self.outbox.close()
        match self._ending:
            case _Ending.HANDSHAKE:
                if not self._over.wait(CLOSING_PATIENCE):
                    self._shut(socket.SHUT_RDWR)
            case _Ending.FIN:
                self._shut(socket.SHUT_RDWR)
            case _Ending.RST:
                self.reset = True
                # This wakes the reader, whose thread closes the socket; nothing is sent before that.
                self._shut(socket.SHUT_RD)
            case _Ending.SILENCE:
                pass

    def _wait(self) -> float:
        with self._lock:
            return self._heartbeat.wait(self._clock.monotonic())

    def _keep_heartbeat(self) -> None:
        now = self._clock.monotonic()
        with self._lock:
            due = self._heartbeat.due(now)
            if due is Due.PING and self._protocol.state is OPEN:
                payload = b"%d" % int(self._clock.time() * 1_000)
                self._heartbeat.pinged(payload, now)
                self._protocol.send_ping(payload)
                self.outbox.append(b"".join(self._protocol.data_to_send()))
        if due is Due.LATE:
            self.close(POLICY, "Pong timeout")
        elif due is Due.OVER:
            self.close()

    def _shut(self, how: int) -> None:
        """Shut the socket down; unlike `close`, this also wakes the threads that wait for it."""
        try:
            self._sock.shutdown(how)
        except OSError as error:
            logger.debug("over already: %s", error)
