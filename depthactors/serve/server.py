"""`BookServer`: the books of an engine over HTTP and websockets.

with DepthEngine() as engine:
    engine.subscribe("BTCUSDT", depth=100)
    with BookServer(engine) as server:
        print(server.url)
        ...
"""

from __future__ import annotations

import logging
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.server import serve

from depthactors import reporting
from depthactors.errors import LifecycleError, UsageError
from depthactors.serve.access import PROTOCOL, Access, is_loopback
from depthactors.serve.answers import Answers
from depthactors.serve.connection import Connection
from depthactors.serve.engine_books import EngineBooks
from depthactors.serve.listener import Listener
from depthactors.serve.orders import Code, OrderError
from depthactors.serve.sender import Sender
from depthactors.serve.session import Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from typing import Self

    from websockets.http11 import Request
    from websockets.sync.server import ServerConnection
    from websockets.typing import Subprotocol

    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.serve.feed import Feed
    from depthactors.serve.orders import Order

logger = reporting.logger(__name__)

MOST_CONNECTIONS: Final = 2_000
_LARGEST_ORDER: Final = 4_096
"""Bytes of a message of a client."""
_STUCK: Final = 10.0
"""Seconds without progress in sending, after which a client is cut."""
_LOOK: Final = 1.0
"""Seconds between two looks for clients to cut and books to give up."""
_OPENING: Final = 10.0
"""Seconds that a client has for its request."""
_CLOSING: Final = 2.0
"""Seconds for a client to answer that the connection is closed."""

# The library reports each client that sends no request, or a wrong one, with a traceback: anybody could fill the log.
_quiet = logging.getLogger(f"{__name__}.library")
_quiet.disabled = True


class BookServer:
    """Serves the books that an engine follows.

    Thread: any.
    """

    def __init__(
        self,
        engine: DepthEngine[Any],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Iterable[str] = (),
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        unprotected: bool = False,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        """Open nothing yet.

        Args:
            engine: the engine, which is the caller's to start and stop.
            host: the address to listen on.
            port: the port; 0 for any that is free.
            names: names under which clients reach the server, beside the host and those of the loopback interface.
            token: what each client has to know.
            tls: certificate and key.
            unprotected: whether to listen on another address than one of the loopback interface without token and TLS:
                then anybody may read, and listen in.
            most_connections: number of connections at the same time; others are closed at once.

        Raises:
            UsageError: another address without token and TLS.
        """
        if not (is_loopback(host) or unprotected or (token and tls)):
            msg = (
                f"expected a token and TLS, since {host} is no address of this machine alone, was "
                f"{'TLS' if tls else 'a token' if token else 'neither'}; unprotected=True serves anybody"
            )
            raise UsageError(msg)
        self.host = host
        self.port = port
        self._books = EngineBooks(engine)
        self._answers = Answers(self._books)
        self._access = Access({host, *names}, token)
        self._tls = tls
        self._most = most_connections
        self._connections: dict[Connection, Session] = {}
        self._sender = Sender()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self._tls else ''}://{host}:{self.port}"

    def start(self) -> Self:
        """Listen.

        Raises:
            UsageError: the address is in use, or not of this machine.
            LifecycleError: it was started before.
        """
        if self._threads or self._stopping.is_set():
            msg = "expected a server that was not started before; make a new one"
            raise LifecycleError(msg)
        try:
            self._listener = Listener(self.host, self.port, self._most)
        except OSError as error:
            msg = f"expected an address that can be listened on, was {self.host}:{self.port}: {error.strerror}"
            raise UsageError(msg) from None
        self.port = self._listener.getsockname()[1]
        self._server = serve(
            self._converse,
            sock=self._listener,
            ssl=self._tls,
            subprotocols=[_subprotocol(PROTOCOL)],
            select_subprotocol=lambda _, offered: PROTOCOL if PROTOCOL in offered else None,  # type: ignore[arg-type,return-value]
            compression=None,
            process_request=self._answer,
            server_header="depthactors",
            open_timeout=_OPENING,
            ping_interval=None,
            close_timeout=_CLOSING,
            max_size=_LARGEST_ORDER,
            logger=_quiet,
            create_connection=Connection,
        )
        inner = self._server.handler

        def handle(sock: Any, address: Any) -> None:
            try:
                inner(sock, address)
            finally:
                self._listener.ended()

        self._server.handler = handle
        for target, name in ((self._server.serve_forever, "accept"), (self._watch, "watch")):
            thread = threading.Thread(target=target, name=f"depthactors-serve-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._sender.start()
        return self

    def stop(self) -> None:
        """Close all connections and the port. May be called twice."""
        if self._stopping.is_set() or not self._threads:
            return
        self._stopping.set()
        with self._lock:
            connections = dict(self._connections)
        for connection, session in connections.items():
            if connection.sending_since is not None:
                connection.cut()
            session.end()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._sender.stop()
        self._books.close()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request, unless it opens a websocket that may be opened."""
        refusal = self._access.refusal(request.headers)
        if refusal is not None:
            return connection.respond(HTTPStatus(refusal[0]), f"{refusal[1]}\n")
        if urlsplit(request.path).path == "/stream":
            return None
        try:
            answer = self._answers.to(request.path, request.headers.get("If-None-Match"))
        except LifecycleError as error:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n")
        except Exception:
            logger.exception("! the answer to %s", request.path[:200])
            raise
        headers = Headers(
            {
                "Content-Type": answer.kind,
                "Content-Length": str(len(answer.body)),
                "Connection": "close",
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
            }
        )
        if answer.tag is not None:
            headers["ETag"] = answer.tag
        return Response(answer.status, answer.status.phrase, headers, answer.body)

    def _converse(self, connection: ServerConnection) -> None:
        """Serve one client; its thread."""
        assert isinstance(connection, Connection)
        session = Session(connection, self._find, self._sender.request)
        connection.heard = session.wake
        with self._lock:
            self._connections[connection] = session
        self._sender.add(session)
        try:
            # It may have spoken before.
            session.wake()
            session.run()
        except ConnectionClosed:
            pass
        except Exception:
            logger.exception("! the client %s", connection.remote_address)
            raise
        finally:
            self._sender.remove(session)
            with self._lock:
                del self._connections[connection]

    def _find(self, order: Order) -> Feed:
        listed = self._books.listed()
        found = [book for book in listed if book.symbol == order.symbol]
        if order.market is not None:
            found = [book for book in found if book.market == order.market]
        if order.speed_ms is not None:
            found = [book for book in found if book.speed_ms == order.speed_ms]
        kinds = {(book.market, book.speed_ms) for book in found}
        if len(kinds) != 1:
            named = ", ".join(f"{market} at {speed} ms" for market, speed in sorted(kinds)) or "none"
            code = Code.SEVERAL_BOOKS if kinds else Code.UNKNOWN_BOOK
            raise OrderError(code, f"expected one book {order.symbol} as ordered, was {named}; see /books", order.id)
        try:
            return self._books.feed(max(found, key=lambda book: book.depth))
        except (KeyError, LifecycleError) as error:
            # It was given up, or the engine was stopped, since it was listed.
            raise OrderError(Code.ENGINE_STOPPED, str(error), order.id) from None

    def _watch(self) -> None:
        """Cut clients that take nothing, and give up books that nobody reads."""
        while not self._stopping.wait(_LOOK):
            now = time.monotonic()
            with self._lock:
                connections = list(self._connections)
            for connection in connections:
                since = connection.sending_since
                if since is not None and now - since > _STUCK:
                    logger.info("a client that takes nothing is cut: %s", connection.remote_address)
                    connection.cut()
            self._books.give_up_unread()


def _subprotocol(name: str) -> Subprotocol:
    return name  # type: ignore[return-value]
