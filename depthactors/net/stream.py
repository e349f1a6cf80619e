"""One websocket connection and the thread that reads it.

websocket-client's low-level `WebSocket` is used, not its `run_forever`. The thread here connects, reads,
passes on the messages of each read, and ends. It can always be ended: `abort` shuts the socket down, which
releases every thread that waits on it, and `connect_timeout` limits all steps of connecting together.

The size of a message, the head of the handshake, and the time until each of them is complete have limits.
TLS certificates and host names are verified, and there is no way to turn that off; no redirect is followed.

websocket-client's own UTF-8 check is skipped: orjson checks the text, and with both checks a frame costs twice
as much, from the socket to the callback (`python -m tests.bench pipe`). The socket is read through a large
buffer: on a connection that is behind, all frames that have arrived are passed on together.
"""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING, Final, cast

from websocket import ABNF, WebSocket, WebSocketBadStatusException, WebSocketException

from depthactors import binance, reporting
from depthactors.dispatcher import SYSTEM_CLOCK
from depthactors.dispatcher.threads import start_thread
from depthactors.errors import HandshakeRefusedError, StreamError, as_value
from depthactors.net.deadline import Deadline
from depthactors.net.dial import shut_down, takes_bytes
from depthactors.net.fragments import Fragments
from depthactors.net.handshake import open_socket
from depthactors.net.proxy import proxy_for
from depthactors.net.tunnel import Metered
from depthactors.private_names import bytes_of_frame, read_by, use_socket
from depthactors.reporting import printable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from depthactors.net.settings import NetworkSettings

logger = reporting.logger(__name__)

MAX_MESSAGE: Final = 4 * 1024 * 1024
"""Bytes of a message: ten times the largest diff in the recordings."""
_READ_SIZE: Final = 256 * 1024
_WORDS: Final = 200
"""Characters of the other side's answer that are repeated in an error."""
_LONGEST_PING: Final = 125
"""Bytes of a ping's data (RFC 6455, 5.5), all of which are sent back."""


class StreamConnection:
    """A connection, from `start` to `on_close`; it is used once.

    The callbacks run in the reader thread, in this order: `on_open` after the handshake, `on_frames` with the
    messages of each read, and last `on_close`, always and exactly once, with the cause of the end. They must not block.

    Thread: any may call `send`, `close` and `abort`.

    Attributes:
        thread: the reader thread.
        read_at: the time of the last read, monotonic; 0 before the first.
    """

    def __init__(
        self,
        url: str,
        settings: NetworkSettings,
        *,
        on_open: Callable[[], None],
        on_frames: Callable[[int, list[bytes], float], None],
        on_close: Callable[[StreamError], None],
        name: str,
    ) -> None:
        """Prepare; nothing is opened before `start`.

        Args:
            url: `ws://` or `wss://`.
            settings: how the exchange is reached. `silence_limit` is the time that a send may take. It is also the time
                without a byte after which the peer is pinged; after the same time again the connection is given up. It
                is given up, too, if no message is complete for twice that time. A quiet market is not silence: its
                server answers pings.
            on_open: called after the handshake.
            on_frames: called with the opcode of one or several messages, these messages, whole and in order, and the
                time at which they arrived, in seconds since the epoch.
            on_close: called with the cause of the end.
            name: the thread's name.
        """
        self._url = url
        self._on_open, self._on_frames, self._on_close = on_open, on_frames, on_close
        self._connect_timeout = settings.connect_timeout
        self._silence_limit = settings.silence_limit
        self._proxy = settings.proxy
        self._through = ""
        self._aborting = threading.Event()
        self._closing = threading.Event()
        self._reason = StreamError(f"{url}: closed by this side")
        self._web_socket = WebSocket(enable_multithread=True, skip_utf8_validation=True)
        self._fragments = Fragments()
        self._socket: socket.socket | None = None
        self._unparsed = memoryview(b"")
        self._batch: list[bytes] = []
        self._opcode = ABNF.OPCODE_TEXT
        self._recv_time = 0.0
        self.read_at = 0.0
        self._whole_at = 0.0
        self._is_alive = False
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the reader thread, which connects.

        Raises:
            LifecycleError: the system has no thread to give.
        """
        start_thread(self.thread, self._url)

    def send(self, text: bytes) -> None:
        """Send one text frame.

        Raises:
            StreamError: the connection is not open, the peer does not read, or it did not take the frame in time.
        """
        if not self._peer_reads():
            msg = f"could not send on {self._url}: the peer does not read"
            raise StreamError(msg)
        try:
            self._web_socket.send(text, ABNF.OPCODE_TEXT)
        except (WebSocketException, OSError, AttributeError) as error:
            # AttributeError: websocket-client's socket is None after the end.
            msg = f"could not send on {self._url}: {error}"
            raise StreamError(msg) from error

    def close(self, reason: StreamError) -> None:
        """Ask the peer to end the connection, and read until it does; `on_close` is called with `reason`.

        If the peer does not end it, call `abort`.
        """
        self._reason = reason
        self._closing.set()
        if not self._peer_reads():
            return
        try:
            self._web_socket.send_close()
        except (WebSocketException, OSError, AttributeError) as error:
            logger.debug("- %s had ended already: %s", self._url, error)

    def abort(self, reason: StreamError | None = None) -> None:
        """End the connection by force; `on_close` is called with `reason`.

        Returns at once. The thread ends at once, too, or within `connect_timeout` while a name is looked up, and on a
        system that does not interrupt a connecting socket.
        """
        if reason is not None:
            self._reason = reason
        self._aborting.set()
        self._shut()

    def _run(self) -> None:
        # The cause if an unexpected exception ends the thread, which itself goes to `threading.excepthook`.
        error = StreamError(f"{self._url}: the reader failed")
        try:
            self._connect()
            self._on_open()
            self._read()
            error = self._reason
        except (StreamError, WebSocketException, OSError, ValueError) as raised:
            error = self._blame(raised)
        finally:
            self._shut()
            self._web_socket.shutdown()  # type: ignore[no-untyped-call]
            if self._socket is not None:
                self._socket.close()
            logger.debug("- %s", error)
            self._on_close(error)

    def _blame(self, raised: Exception) -> StreamError:
        """Return the cause of the end: the program's own reason, if it ended the connection, else the exception."""
        if self._aborting.is_set() or self._closing.is_set():
            return self._reason
        if isinstance(raised, StreamError):
            return as_value(raised)
        error = self._stream_error(raised)
        error.__cause__ = raised
        return as_value(error)

    def _stream_error(self, raised: Exception) -> StreamError:
        return StreamError(f"{self._url}{self._through}: {type(raised).__name__}: {printable(str(raised), _WORDS)}")

    def _connect(self) -> None:
        deadline = Deadline(self._connect_timeout)
        try:
            proxy = proxy_for(self._url, self._proxy)
            self._through = "" if proxy is None else f" through the proxy {proxy}"
            sock = open_socket(self._url, proxy, deadline, self._hold)
            self._web_socket.connect(  # type: ignore[no-untyped-call]
                self._url, socket=Metered(sock, deadline), redirect_limit=0
            )
        except WebSocketBadStatusException as error:
            # An empty answer has no status.
            answer = binance.HttpAnswer(error.status_code or 0, error.resp_headers or {}, error.resp_body or b"")
            place = f"{self._url}{self._through}"
            raise refusal(place, answer, SYSTEM_CLOCK.time()) from error
        except Exception as error:
            # websocket-client parses the head of the answer, and its cookies, with code that raises many classes.
            raise self._stream_error(error) from error
        use_socket(self._web_socket, sock)
        self._whole_at = SYSTEM_CLOCK.monotonic()
        read_by(self._web_socket, self._buffered_read)
        self._web_socket.settimeout(self._silence_limit)

    def _hold(self, sock: socket.socket) -> None:
        """Have `abort` reach a socket; an abort just before that is noticed here.

        Raises:
            ConnectionAbortedError: `abort` was called.
        """
        self._socket = sock
        if self._aborting.is_set():
            msg = "closed by this side"
            raise ConnectionAbortedError(msg)

    def _read(self) -> None:
        """Parse frames until the end; `_buffered_read` passes messages on before it blocks."""
        try:
            while not self._aborting.is_set():
                self._take(self._web_socket.recv_frame())  # type: ignore[no-untyped-call]
                # Fragments without an end are no sign of life, however many come.
                self._is_alive = not self._fragments.is_open
        finally:
            # Messages that were complete before the end are good.
            self._pass_on()

    def _take(self, frame: ABNF) -> None:
        data = cast("bytes", frame.data)
        match frame.opcode:
            case ABNF.OPCODE_PING:
                if len(data) > _LONGEST_PING:
                    msg = f"{self._url}: expected a ping of at most {_LONGEST_PING} bytes, was one of {len(data)}"
                    raise StreamError(msg)
                if self._peer_reads():
                    self._web_socket.pong(data)
            case ABNF.OPCODE_PONG:
                # It only shows that the peer is there.
                pass
            case ABNF.OPCODE_CLOSE:
                self._web_socket.send_close()
                code = int.from_bytes(data[:2], "big") if len(data) >= 2 else None
                msg = f"{self._url}: closed by the peer, code {code} {data[2:].decode('utf-8', 'replace')!r}"
                raise StreamError(msg, close_code=code)
            case opcode:
                message = self._fragments.add(opcode, data, is_last=bool(frame.fin))
                if message is not None:
                    self._collect(*message)

    def _collect(self, opcode: int, message: bytes) -> None:
        """Keep a message until all messages of the read are parsed; a batch has messages of one opcode."""
        if opcode != self._opcode:
            self._pass_on()
            self._opcode = opcode
        self._batch.append(message)

    def _buffered_read(self, size: int) -> bytes:
        """Return bytes for the frame parser from the buffer; fill the buffer first if it is empty."""
        if not self._unparsed:
            self._pass_on()
            self._fill()
        chunk, self._unparsed = self._unparsed[:size], self._unparsed[size:]
        return bytes(chunk)

    def _fill(self) -> None:
        """Wait for bytes, and read all that have arrived."""
        connection = self._socket
        data = self._receive(connection) if connection is not None else b""
        if not data:
            msg = f"{self._url}: the peer ended the connection"
            raise StreamError(msg)
        self._recv_time = SYSTEM_CLOCK.time()
        self._check_progress()
        if isinstance(connection, ssl.SSLSocket):
            data += self._drain(connection)
        self._unparsed = memoryview(data)

    def _check_progress(self) -> None:
        """Check, once a read, that messages are not too large, and that they become complete."""
        web_socket, now = self._web_socket, SYSTEM_CLOCK.monotonic()
        self.read_at = now
        if self._is_alive:
            self._is_alive, self._whole_at = False, now
        elif now - self._whole_at > 2 * self._silence_limit:
            msg = f"{self._url}: no whole message for {now - self._whole_at:.1f} s"
            raise StreamError(msg)
        size = bytes_of_frame(web_socket) + self._fragments.size
        if size > MAX_MESSAGE:
            msg = f"{self._url}: expected messages of at most {MAX_MESSAGE} bytes, was one of {size} or more"
            raise StreamError(msg)

    def _drain(self, connection: ssl.SSLSocket) -> bytes:
        """Read the further TLS records that have arrived: each read returns one record."""
        records: list[bytes] = []
        size = 0
        connection.settimeout(0.0)
        try:
            while size < _READ_SIZE and (record := connection.recv(_READ_SIZE)):
                records.append(record)
                size += len(record)
        except ssl.SSLWantReadError:
            # No more for now. An end of the connection is seen again at the next read.
            pass
        finally:
            connection.settimeout(self._silence_limit)
        return b"".join(records)

    def _pass_on(self) -> None:
        if self._batch:
            frames, self._batch = self._batch, []
            self._on_frames(self._opcode, frames, self._recv_time)

    def _peer_reads(self) -> bool:
        """Return whether the peer reads what is sent, so that no thread waits in a send, or for the lock of one."""
        connection = self._socket
        return connection is None or takes_bytes(connection)

    def _receive(self, connection: socket.socket) -> bytes:
        """Wait for bytes; ping a silent peer, and wait once more."""
        # Only here a timeout means silence: in a send it means that the peer does not read.
        try:
            return connection.recv(_READ_SIZE)
        except TimeoutError:
            self._web_socket.ping()
        try:
            return connection.recv(_READ_SIZE)
        except TimeoutError:
            msg = f"{self._url}: silent for {2 * self._silence_limit:g} s, pinged without an answer"
            raise StreamError(msg) from None

    def _shut(self) -> None:
        """Release all threads that wait on the socket, if there is one."""
        if self._socket is not None:
            shut_down(self._socket)


def refusal(place: str, answer: binance.HttpAnswer, now: float) -> StreamError:
    """Return the error of an answer that opens no websocket; `now` is in seconds since the epoch."""
    pause = binance.read_not_now(answer, now)
    if pause is None:
        excerpt = printable((answer.body or b"")[:_WORDS].decode("utf-8", "replace"))
        return StreamError(f"{place}: expected a websocket, was answered {answer.status} {excerpt}")
    words = f"{pause.words}: no connection for {pause.seconds:.0f} s or longer"
    msg = f"{place}: answered {answer.status}, {words}"
    return HandshakeRefusedError(msg, status=answer.status, retry_after=pause.seconds, longest=pause.longest)
