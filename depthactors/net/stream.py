"""One websocket connection and the thread that reads it.

websocket-client's low-level `WebSocket` is used, not its `run_forever`: the thread here connects,
reads in bulk, hands over what each read brought, and ends. It ends for certain: `abort` shuts the
socket down, which unblocks whatever waits on it, and all of connecting is under `connect_timeout`.

What a peer may send is bounded: the size of a message, the head of the handshake, and the time in which
each of them must come whole. TLS certificates and host names are verified, and there is no way to turn
that off; no redirect is followed.

The library's own UTF-8 check is skipped: orjson checks the text anyway, and with both a frame costs twice
as much, all the way to the callback (`python -m tests.bench pipe`). The socket is read through a large
buffer, so that one wake-up serves all the frames that have arrived, which are handed over together: it is
for a connection that is behind, and saves nothing on one that keeps up.
"""

from __future__ import annotations

import ssl
import threading
import time
from typing import TYPE_CHECKING, Final, cast

from websocket import ABNF, WebSocket, WebSocketBadStatusException, WebSocketException

from depthactors import binance, reporting
from depthactors.errors import HandshakeRefusedError, StreamError, as_value
from depthactors.net.deadline import Deadline
from depthactors.net.dial import shut_down
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
"""Bytes of a message: ten times the largest diff that was ever seen."""
_READ_SIZE: Final = 256 * 1024
_WORDS: Final = 200
"""Characters of what the other side says that are repeated in an error."""
_LONGEST_PING: Final = 125
"""Bytes of a ping's data (RFC 6455, 5.5), all of which are sent back."""
_NS: Final = 1e-9


class StreamConnection:
    """A connection to `url`, from `start` to `on_close`. One use.

    The callbacks run in the reader thread, in this order: `on_open` once the handshake is done,
    `on_frames` with the messages that a read brought, and last `on_close`, always and exactly once,
    with what ended it. They must not block.

    `send`, `close` and `abort` may be called from any thread.
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
            settings: how the exchange is reached. `silence_limit` is the seconds for a send, and the seconds without a
                byte after which the peer is pinged, and after as many again given up as dead; so is one that brings
                no whole frame in twice that time, however many bytes. A quiet market is no silence: the peer answers
                pings.
            on_open: the handshake is done.
            on_frames: the opcode of messages in a row, these messages, whole and in order, and the time at which they
                arrived, in seconds since the epoch.
            on_close: the end.
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
        self._whole_at = 0.0
        self._is_alive = False
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the reader thread, which connects."""
        self.thread.start()

    def send(self, text: bytes) -> None:
        """Send one text frame.

        Raises:
            StreamError: the connection is not open, or did not take the frame in time.
        """
        try:
            self._web_socket.send(text, ABNF.OPCODE_TEXT)
        except (WebSocketException, OSError, AttributeError) as error:
            # AttributeError: the library's socket is None once it is closed.
            msg = f"could not send on {self._url}: {error}"
            raise StreamError(msg) from error

    def close(self, reason: StreamError) -> None:
        """Ask the peer to end the connection, and read what it sends until it does; `on_close` is given `reason`.

        To end it though the peer does not, call `abort`.
        """
        self._reason = reason
        self._closing.set()
        try:
            self._web_socket.send_close()
        except (WebSocketException, OSError, AttributeError) as error:
            logger.debug("- %s was over already: %s", self._url, error)

    def abort(self, reason: StreamError | None = None) -> None:
        """End the connection, for a reason that `on_close` is given.

        Returns at once; the thread follows at once too, but within `connect_timeout` where it waits for the look-up of
        a name, or on a system that does not interrupt a connecting socket.
        """
        if reason is not None:
            self._reason = reason
        self._aborting.set()
        self._shut()

    def _run(self) -> None:
        # What is told if anything unforeseen ends the thread; the exception itself goes to
        # `threading.excepthook`.
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
        """Say what ended the connection: this side, if it was asked to, whatever that looked like to the reader."""
        if self._aborting.is_set() or self._closing.is_set():
            return self._reason
        if isinstance(raised, StreamError):
            return as_value(raised)
        error = self._stream_error(raised)
        error.__cause__ = raised
        return as_value(error)

    def _stream_error(self, raised: Exception) -> StreamError:
        return StreamError(f"{self._url}{self._through}: {type(raised).__name__}: {printable(str(raised), _WORDS)}")

    def _refused(self, answer: WebSocketBadStatusException) -> StreamError:
        """Make an error of an answer that opens no websocket."""
        # An answer of no line at all has no status.
        status, body = answer.status_code or 0, answer.resp_body or b""
        pause = binance.read_not_now(binance.HttpAnswer(status, answer.resp_headers or {}, body), time.time())
        if pause is None:
            excerpt = printable(body[:_WORDS].decode("utf-8", "replace"))
            return StreamError(f"{self._url}{self._through}: expected a websocket, was answered {status} {excerpt}")
        words = f"{pause.words}: no connection for {pause.seconds:.0f} s or longer"
        msg = f"{self._url}{self._through}: answered {status}, {words}"
        return HandshakeRefusedError(msg, status=status, retry_after=pause.seconds, longest=pause.longest)

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
            raise self._refused(error) from error
        except Exception as error:
            # The library reads the head that the peer sent, cookies too, with whatever raises.
            raise self._stream_error(error) from error
        use_socket(self._web_socket, sock)
        self._whole_at = time.monotonic()
        read_by(self._web_socket, self._buffered_read)
        self._web_socket.settimeout(self._silence_limit)

    def _hold(self, sock: socket.socket) -> None:
        """Have `abort` reach a socket; it is asked after that, so it cannot slip between."""
        self._socket = sock
        if self._aborting.is_set():
            msg = "closed by this side"
            raise ConnectionAbortedError(msg)

    def _read(self) -> None:
        """Parse frames until the end; `_buffered_read` hands them over whenever it is about to block."""
        try:
            while not self._aborting.is_set():
                frame = self._web_socket.recv_frame()  # type: ignore[no-untyped-call]
                self._is_alive = True
                self._take(frame)
        finally:
            # What arrived whole before the end is good.
            self._hand_over()

    def _take(self, frame: ABNF) -> None:
        data = cast("bytes", frame.data)
        match frame.opcode:
            case ABNF.OPCODE_PING:
                if len(data) > _LONGEST_PING:
                    msg = f"{self._url}: expected a ping of at most {_LONGEST_PING} bytes, was one of {len(data)}"
                    raise StreamError(msg)
                self._web_socket.pong(data)
            case ABNF.OPCODE_PONG:
                # It shows that the peer is there.
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
        """Keep a message until the read is taken apart; a batch has messages of one kind."""
        if opcode != self._opcode:
            self._hand_over()
            self._opcode = opcode
        self._batch.append(message)

    def _buffered_read(self, size: int) -> bytes:
        """Serve the frame parser from the buffer; fill it with all that has arrived when it is empty."""
        if not self._unparsed:
            self._hand_over()
            self._fill()
        chunk, self._unparsed = self._unparsed[:size], self._unparsed[size:]
        return bytes(chunk)

    def _fill(self) -> None:
        """Wait for bytes and read all that are there."""
        connection = self._socket
        data = self._receive(connection) if connection is not None else b""
        if not data:
            msg = f"{self._url}: the peer ended the connection"
            raise StreamError(msg)
        self._recv_time = time.time_ns() * _NS
        self._check_progress()
        if isinstance(connection, ssl.SSLSocket):
            data += self._drain(connection)
        self._unparsed = memoryview(data)

    def _check_progress(self) -> None:
        """Refuse a message that is too large, or that does not get whole; looked at once a read."""
        web_socket, now = self._web_socket, time.monotonic()
        if self._is_alive:
            self._is_alive, self._whole_at = False, now
        elif now - self._whole_at > 2 * self._silence_limit:
            msg = f"{self._url}: no whole frame for {now - self._whole_at:.1f} s"
            raise StreamError(msg)
        size = bytes_of_frame(web_socket) + self._fragments.size
        if size > MAX_MESSAGE:
            msg = f"{self._url}: expected messages of at most {MAX_MESSAGE} bytes, was one of {size} or more"
            raise StreamError(msg)

    def _drain(self, connection: ssl.SSLSocket) -> bytes:
        """Read the further TLS records that have arrived; one read brings one record, however small."""
        records: list[bytes] = []
        size = 0
        connection.settimeout(0.0)
        try:
            while size < _READ_SIZE and (record := connection.recv(_READ_SIZE)):
                records.append(record)
                size += len(record)
        except ssl.SSLWantReadError:
            # Nothing more for now. An end of the stream shows again at the next read.
            pass
        finally:
            connection.settimeout(self._silence_limit)
        return b"".join(records)

    def _hand_over(self) -> None:
        if self._batch:
            frames, self._batch = self._batch, []
            self._on_frames(self._opcode, frames, self._recv_time)

    def _receive(self, connection: socket.socket) -> bytes:
        """Wait for bytes; ping a silent peer and wait once more for anything at all."""
        # The only place where a time that is over means silence: of a send, it means that the peer takes nothing.
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
        """Unblock whatever waits on the socket; harmless when there is none."""
        if self._socket is not None:
            shut_down(self._socket)
