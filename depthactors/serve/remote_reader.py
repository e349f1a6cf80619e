"""`RemoteReader`: the books of a `BookServer`, from any machine.

with RemoteReader("http://127.0.0.1:8080") as reader:
    view = reader.wait_live("BTCUSDT")
    print(view.best_bid, view.best_ask)
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, overload

import orjson
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from depthactors import reporting
from depthactors.book import BookState, BookView
from depthactors.book.numerals import NumberT_co, check_number_type
from depthactors.errors import (
    BookNotSharedError,
    DepthActorsError,
    LifecycleError,
    NotLiveError,
    ServerGoneError,
    UsageError,
)
from depthactors.pacing.seconds import checked_timeout
from depthactors.serve.access import PROTOCOL
from depthactors.serve.feed import with_state
from depthactors.serve.followed_stream import FollowedStream

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from websockets.sync.client import ClientConnection

    from depthactors.book.numerals import NumberT

logger = reporting.logger(__name__)

_SILENCE: Final = 5.0
"""Seconds without a message, after which the connection is taken for dead: the server says something each second."""
_PAUSES: Final = 0.1, 5.0
"""Seconds until the next attempt to connect, which double from the first to the last."""
_OPENING: Final = 10.0
"""Seconds for the server to answer."""
_FIRST: Final = 5.0
"""Seconds for which the first view of a book waits."""


class _Wanted(NamedTuple):
    symbol: str
    market: str | None
    speed_ms: int | None
    levels: int | None

    def order(self, number: int) -> bytes:
        return orjson.dumps({"op": "subscribe", "id": number} | self._asdict())


class _Followed:
    """A stream: as it came last, and with which connection."""

    def __init__(self, wanted: _Wanted, number: int, number_type: type[Any]) -> None:
        self.wanted = wanted
        self.number = number
        self.stream = FollowedStream(wanted.symbol, number_type)
        self.epoch = 0
        self.refusal: DepthActorsError | None = None


class RemoteReader(Generic[NumberT_co]):
    """Reads the books of a server. A book is subscribed to when it is first asked for.

    It survives the server: while there is no connection, its views are the last ones, labelled `STALE`.

    Thread: any; it has one of its own, from the first call until `close`.
    """

    @overload
    def __init__(self: RemoteReader[float], url: str, *, token: str | None = ...) -> None: ...
    @overload
    def __init__(self, url: str, *, token: str | None = ..., number: type[NumberT]) -> None: ...
    def __init__(self, url: str, *, token: str | None = None, number: type[Any] = float) -> None:
        """Connect in a thread; returns at once.

        Args:
            url: where the server listens, as `http://127.0.0.1:8080`.
            token: what the server wants to be told.
            number: the number type of views, `float` or `Decimal`.

        Raises:
            UsageError: no such address, or another number type.
        """
        check_number_type(number)
        scheme, _, rest = url.rstrip("/").partition("://")
        if scheme not in {"http", "https"} or not rest:
            msg = f"expected an address like http://127.0.0.1:8080, was {url!r}"
            raise UsageError(msg)
        self.url = url.rstrip("/")
        self._address = f"ws{scheme.removeprefix('http')}://{rest}/stream"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._number: type[Any] = number
        self._changed = threading.Condition()
        self._followed: dict[_Wanted, _Followed] = {}
        self._connection: ClientConnection | None = None
        self._epoch = 0
        self._why: str | None = "not connected yet"
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="depthactors-remote-reader", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        return f"<RemoteReader {self.url} {'closed' if self._closing.is_set() else self._why or 'connected'}>"

    @property
    def alive(self) -> bool:
        """Whether there is a connection."""
        return self._why is None

    def close(self) -> None:
        """End the connection; views that were taken stay. It may be called twice."""
        self._closing.set()
        with self._changed:
            connection = self._connection
            self._changed.notify_all()
        if connection is not None:
            connection.close_socket()
        self._thread.join()

    def view(
        self, symbol: str, levels: int | None = None, *, market: str | None = None, speed_ms: int | None = None
    ) -> BookView[NumberT_co]:
        """Return the best `levels` of both sides, or all that the server has, of one update id.

        It takes some microseconds, except for the first call, which waits for the server's snapshot, up to 5 s.

        Args:
            symbol: upper or lower case.
            levels: number of levels a side.
            market: name of the market, if books of several markets have that symbol.
            speed_ms: update interval, if the book is followed at several ones.

        Raises:
            BookNotSharedError: the server has no such book, or several; the message lists them.
            ServerGoneError: the server has not shown the book yet, and cannot be reached or does not answer.
            LifecycleError: the reader was closed.
        """
        followed = self._follow(symbol, levels, market, speed_ms)
        if followed.stream.view is None:
            self._wait(lambda: followed.stream.view is not None or followed.refusal is not None, _FIRST)
        return self._shown(followed)

    def reason(self, symbol: str, *, market: str | None = None, speed_ms: int | None = None) -> str | None:
        """Return why views of a book are not live; `None` if they are, or the reason is not known."""
        for followed in list(self._followed.values()):
            wanted = followed.wanted
            if wanted[:3] == (symbol.upper(), market, speed_ms):
                return self._why if followed.epoch != self._epoch or self._why else followed.stream.reason
        return self._why

    def wait(
        self,
        symbol: str,
        after: BookView[Any] | None = None,
        timeout: float = 1.0,
        *,
        levels: int | None = None,
        market: str | None = None,
        speed_ms: int | None = None,
    ) -> BookView[NumberT_co]:
        """Wait for a view of another update or state than `after` and return it; without `after`, any view.

        After `timeout` seconds the latest view is returned, even if it is that of `after`. The other arguments and the
        errors are those of `view`.
        """
        known = None if after is None else (after.last_update_id, after.state)
        return self._wait_for(
            lambda view: (view.last_update_id, view.state) != known, timeout, symbol, levels, market, speed_ms
        )

    def wait_live(
        self,
        symbol: str,
        timeout: float = 30.0,
        *,
        levels: int | None = None,
        market: str | None = None,
        speed_ms: int | None = None,
    ) -> BookView[NumberT_co]:
        """Wait until the book is live and return a view of it; arguments and errors as for `wait`.

        Raises:
            NotLiveError: it was not live within `timeout` seconds; the message says why, if that is known.
        """
        view = self._wait_for(lambda view: view.state is BookState.LIVE, timeout, symbol, levels, market, speed_ms)
        if view.state is not BookState.LIVE:
            why = self.reason(symbol, market=market, speed_ms=speed_ms)
            msg = f"{view.symbol}: expected LIVE within {timeout:g} s, was {view.state}" + (f" ({why})" if why else "")
            raise NotLiveError(msg)
        return view

    def _wait_for(
        self,
        fits: Callable[[BookView[Any]], bool],
        timeout: float,
        symbol: str,
        levels: int | None,
        market: str | None,
        speed_ms: int | None,
    ) -> BookView[NumberT_co]:
        followed = self._follow(symbol, levels, market, speed_ms)

        def is_there() -> bool:
            return followed.refusal is not None or (followed.stream.view is not None and fits(self._shown(followed)))

        self._wait(is_there, checked_timeout(timeout))
        return self._shown(followed)

    def _wait(self, is_there: Callable[[], bool], timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing.is_set() or is_there(), timeout)

    def _shown(self, followed: _Followed) -> BookView[Any]:
        view = followed.stream.view
        if view is None:
            if followed.refusal is not None:
                raise followed.refusal
            self._check_open()
            msg = f"{self.url} has not shown {followed.wanted.symbol}: {self._why or 'it does not answer'}"
            raise ServerGoneError(msg)
        if view.state is BookState.LIVE and (followed.epoch != self._epoch or self._why is not None):
            return with_state(view, BookState.STALE)
        return view

    def _follow(self, symbol: str, levels: int | None, market: str | None, speed_ms: int | None) -> _Followed:
        wanted = _Wanted(symbol.upper(), market, speed_ms, levels)
        followed = self._followed.get(wanted)
        if followed is not None and followed.refusal is None:
            return followed
        self._check_open()
        if levels is not None and (type(levels) is not int or levels < 1):
            msg = f"expected a number of levels of at least 1, was {levels!r}"
            raise UsageError(msg)
        with self._changed:
            followed = self._followed.get(wanted)
            if followed is None or followed.refusal is not None:
                followed = self._followed[wanted] = _Followed(wanted, len(self._followed), self._number)
            connection = self._connection
        if connection is not None:
            with suppress(WebSocketException, OSError):
                connection.send(wanted.order(followed.number), text=True)
        return followed

    def _check_open(self) -> None:
        if self._closing.is_set():
            msg = f"the reader of {self.url} was closed; make a new one"
            raise LifecycleError(msg)

    # The thread's.

    def _run(self) -> None:
        pause, last = _PAUSES
        while not self._closing.is_set():
            before = self._epoch
            try:
                self._converse()
            except InvalidStatus as error:
                words = error.response.body.decode(errors="replace").strip()
                self._lost(f"{self.url} refuses: {error.response.status_code} {words[:200]}")
            except (WebSocketException, OSError, DepthActorsError, orjson.JSONDecodeError) as error:
                self._lost(f"no connection to {self.url}: {type(error).__name__}: {error}")
            pause = _PAUSES[0] if self._epoch != before else min(2 * pause, last)
            self._closing.wait(pause)

    def _lost(self, why: str) -> None:
        if not self._closing.is_set():
            logger.warning("%s", why)
        with self._changed:
            self._why, self._connection = why, None
            self._changed.notify_all()

    def _converse(self) -> None:
        with connect(
            self._address,
            additional_headers=self._headers,
            subprotocols=[PROTOCOL],  # type: ignore[list-item]
            compression=None,
            open_timeout=_OPENING,
            ping_interval=None,
            close_timeout=1.0,
            max_size=None,
        ) as connection:
            streams: dict[str, list[_Followed]] = {}
            with self._changed:
                self._epoch += 1
                self._why, self._connection = None, connection
                followed = list(self._followed.values())
                self._changed.notify_all()
            if self._closing.is_set():
                return
            for each in followed:
                connection.send(each.wanted.order(each.number), text=True)
            while True:
                try:
                    text = connection.recv(timeout=_SILENCE, decode=False)
                except TimeoutError:
                    msg = f"the server was silent for {_SILENCE:g} s"
                    raise ServerGoneError(msg) from None
                self._take(orjson.loads(text), streams)

    def _take(self, message: dict[str, Any], streams: dict[str, list[_Followed]]) -> None:
        kind = message.get("type")
        if kind in ("snapshot", "delta"):
            for followed in streams.get(message["stream"], ()):
                # A second subscriber to a stream brings a snapshot for the first as well.
                followed.stream.take(message)
                followed.epoch = self._epoch
        elif kind in ("subscribed", "error"):
            number = message.get("id")
            for followed in [each for each in list(self._followed.values()) if each.number == number]:
                if kind == "subscribed":
                    streams.setdefault(message["stream"], []).append(followed)
                else:
                    followed.refusal = BookNotSharedError(f"{self.url}: {message.get('error')}")
        with self._changed:
            self._changed.notify_all()
