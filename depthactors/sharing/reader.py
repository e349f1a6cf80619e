"""`DepthReader`: the books of an engine that runs in another process of this machine.

    with DepthReader("books") as reader:
        for view in reader.updates("BTCUSDT"):
            print(view.best_bid, view.best_ask)

No thread, no socket, no message: a view is a copy of memory that the engine's process writes, and this process can only
read.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, overload

from depthactors.book import BookState, BookView
from depthactors.book.numerals import NumberT_co, check_number_type
from depthactors.errors import (
    BookNotSharedError,
    EngineGoneError,
    LifecycleError,
    NotLiveError,
    SharingError,
    UsageError,
)
from depthactors.pacing.seconds import checked_timeout
from depthactors.sharing.attached import Attached
from depthactors.sharing.ownership import believed_users
from depthactors.sharing.place import check_name, find_folder
from depthactors.sharing.record import number_of, reason, shown_state, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from depthactors.book.numerals import Number, NumberT
    from depthactors.sharing.listing import SharedBook
    from depthactors.sharing.slot import SlotReader

_FIRST_PAUSE: Final = 0.0001
_LAST_PAUSE: Final = 0.001
"""Seconds between two looks for an update: they grow from the first to the last."""
_PART: Final = 1.0
"""Seconds after which a loop over updates looks whether the book is live, though there is no update."""


class DepthReader(Generic[NumberT_co]):
    """Reads the books of the engine that was started as `DepthEngine(name=...)`.

    It survives the engine: after a kill its views are the last ones, labelled `STALE`, after a stop they are labelled
    `STOPPED`. When an engine of that name runs again, the next call reads its books.

    Generic in the number type of its views, which is that of the engine: `DepthReader` is `DepthReader[float]`.

    Thread: any.
    """

    @overload
    def __init__(self: DepthReader[float], name: str, *, owner: int | str | None = ...) -> None: ...
    @overload
    def __init__(self, name: str, *, number: type[NumberT_co], owner: int | str | None = ...) -> None: ...
    @overload
    def __init__(self: DepthReader[Number], name: str, *, number: None, owner: int | str | None = ...) -> None: ...
    def __init__(self, name: str, *, number: type[Any] | None = float, owner: int | str | None = None) -> None:
        """Attach.

        Args:
            name: the engine's name.
            number: the engine's number type, `float` or `Decimal`; `None` for either.
            owner: name or number of a user whose engine is trusted, in addition to this process's own user and root.
                Any user may share books under any name. The owner of an engine could also kill its readers, by
                shortening a file that they have mapped.

        Raises:
            UsageError: a name that is not allowed, another number type, or an owner that this system does not know.
            EngineGoneError: no engine of that name runs; see `wait_for_engine`.
            SharingError: books cannot be shared on this system; the engine is another user's, or of a version with
                another layout, which the message names; or it has the other number type: if it has no book yet, views
                of its books raise that.
        """
        check_name(name)
        if number is not None:
            check_number_type(number)
        self.name = name
        self._number: type[Any] | None = number
        folder = find_folder(name)
        self._users = believed_users(owner)
        self._attached: Attached | None = (attached := Attached(folder, self._users))
        for book in attached.books()[:1]:
            with suppress(BookNotSharedError):
                self._number_of(attached.slot(book.symbol, book.market, book.speed_ms).read()[1])

    @overload
    @classmethod
    def wait_for_engine(
        cls, name: str, timeout: float = ..., *, owner: int | str | None = ...
    ) -> DepthReader[float]: ...
    @overload
    @classmethod
    def wait_for_engine(
        cls, name: str, timeout: float = ..., *, number: type[NumberT], owner: int | str | None = ...
    ) -> DepthReader[NumberT]: ...
    @overload
    @classmethod
    def wait_for_engine(
        cls, name: str, timeout: float = ..., *, number: None, owner: int | str | None = ...
    ) -> DepthReader[Number]: ...
    @classmethod
    def wait_for_engine(
        cls,
        name: str,
        timeout: float = 30.0,
        *,
        number: type[Any] | None = float,
        owner: int | str | None = None,
    ) -> DepthReader[Any]:
        """Attach as soon as an engine of that name runs; arguments as for the constructor.

        Raises:
            EngineGoneError: none ran within `timeout` seconds; others as for the constructor.
            UsageError: a timeout that is no number of seconds.
        """
        timeout = checked_timeout(timeout)
        deadline = time.monotonic() + timeout
        while True:
            try:
                return cls(name, number=number, owner=owner)
            except EngineGoneError:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(0.01)

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        attached = self._attached
        state = "closed" if attached is None else "alive" if attached.alive else "gone"
        return f"<DepthReader {self.name} {state}>"

    @property
    def alive(self) -> bool:
        """Whether the engine runs, or a later one of the same name; some microseconds."""
        return self._present()[1]

    @property
    def torn(self) -> int:
        """Number of records that were being written while they were read; each was noticed, and another one taken."""
        return self._present()[0].torn

    def books(self) -> tuple[SharedBook, ...]:
        """List the books that the engine shares, in the order in which they were followed.

        Raises:
            EngineGoneError: the engine does not run any more.
        """
        attached, alive = self._present()
        if not alive:
            raise EngineGoneError(attached.farewell)
        return attached.books()

    def view(
        self, symbol: str, levels: int | None = None, *, market: str | None = None, speed_ms: int | None = None
    ) -> BookView[NumberT_co]:
        """Return the best `levels` of both sides, or all that are shared, of one update id.

        It takes some ten microseconds for ten levels; reader and engine never wait for each other. A live book is
        `STALE` here if its engine does not run any more, gives no sign of life for five seconds, or lags.

        Args:
            symbol: upper or lower case.
            levels: number of levels a side; `None` for the depth with which the book is followed.
            market: name of the market, if books of several markets have that symbol.
            speed_ms: update interval, if the book is followed at several ones.

        Raises:
            BookNotSharedError: no such book is shared, or several are; the message lists them.
        """
        if levels is not None and (type(levels) is not int or levels < 1):
            msg = f"expected a number of levels of at least 1, was {levels!r}"
            raise UsageError(msg)
        attached, alive = self._present()
        slot = attached.slot(symbol.upper(), market, speed_ms)
        return self._view(symbol, slot, levels, attached, alive=alive)[1]

    def reason(self, symbol: str, *, market: str | None = None, speed_ms: int | None = None) -> str | None:
        """Return why a view is not live: the end of the engine, or the reason that the engine's own users see.

        `None` if it is live, or the reason is not known.
        """
        attached, alive = self._present()
        slot = attached.slot(symbol.upper(), market, speed_ms)
        if not alive:
            return attached.farewell
        if attached.stuck:
            return attached.silence
        behind = slot.behind
        why = reason(slot.read()[1])
        return f"{symbol.upper()} lags behind what its engine has received" if why is None and behind else why

    def records(self, symbol: str, *, market: str | None = None, speed_ms: int | None = None) -> int:
        """Return how many records of a book its engine has written: one more with each update, and with some events.

        Two calls tell how often the book changes, without a copy of it; arguments and errors as for `view`.
        """
        return self._present()[0].slot(symbol.upper(), market, speed_ms).serial()

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

        The memory is read up to a thousand times a second, which takes a few hundredths of a core.

        After `timeout` seconds the latest view is returned, even if it is that of `after`. The other arguments are
        those of `view`.

        Raises:
            EngineGoneError: the engine does not run any more, and no other one ran by then.
            BookNotSharedError: as for `view`, at the end of that time.
            NotLiveError: the book was given up, and `after` has shown that; the message says why, if that is known.
            UsageError: a timeout that is no number of seconds, or `after` is no view.
        """
        if after is not None and not isinstance(after, BookView):
            msg = f"expected a view as after, was {after!r}"
            raise UsageError(msg)
        known = None if after is None else (after.last_update_id, after.state)
        return self._wait_for(
            lambda view: (view.last_update_id, view.state) != known, symbol, timeout, levels, market, speed_ms
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
            NotLiveError: it was not live within `timeout` seconds, or was given up (at once); the message says why, if
                that is known.
        """
        view = self._wait_for(lambda view: view.state is BookState.LIVE, symbol, timeout, levels, market, speed_ms)
        if view.state is not BookState.LIVE:
            raise self._not_live(view, timeout, market, speed_ms)
        return view

    def updates(
        self,
        symbol: str,
        timeout: float = 30.0,
        *,
        levels: int | None = None,
        market: str | None = None,
        speed_ms: int | None = None,
    ) -> Iterator[BookView[NumberT_co]]:
        """Iterate over views of the live book: the present one, then the latest at each update; without end.

        A later engine of the same name is followed like the former one. A loop that is slower than the updates gets the
        latest one. Arguments as for `view`, and:

        Args:
            symbol: upper or lower case.
            timeout: seconds for which the loop waits while the book is not live; a quiet book may be quiet for ever.
            levels: number of levels a side.
            market: name of the market.
            speed_ms: update interval.

        Raises:
            NotLiveError: the book was not live for `timeout` seconds, or was given up; the message says why, if that
                is known.
            EngineGoneError: no engine ran for `timeout` seconds.
            BookNotSharedError: no such book was shared for `timeout` seconds, or several are.
            UsageError: a timeout that is no number of seconds.
        """
        return self._updates(symbol, checked_timeout(timeout), levels, market, speed_ms)

    def _updates(
        self, symbol: str, timeout: float, levels: int | None, market: str | None, speed_ms: int | None
    ) -> Iterator[BookView[NumberT_co]]:
        seen: int | None = None

        def is_next(view: BookView[NumberT_co]) -> bool:
            return view.state is BookState.LIVE and view.last_update_id != seen

        deadline = time.monotonic() + timeout
        while True:
            # In parts, because the time begins anew as long as the book is live.
            part = min(_PART, max(0.0, deadline - time.monotonic()))
            try:
                view = self._wait_for(is_next, symbol, part, levels, market, speed_ms)
            except (EngineGoneError, BookNotSharedError):
                if time.monotonic() >= deadline:
                    raise
                continue
            if view.state is BookState.LIVE:
                if view.last_update_id != seen:
                    seen = view.last_update_id
                    yield view
                # Not sooner: the loop's own time is none in which the book was not live.
                deadline = time.monotonic() + timeout
            elif time.monotonic() >= deadline:
                raise self._not_live(view, timeout, market, speed_ms)

    def _not_live(
        self, view: BookView[Any], timeout: float | None, market: str | None, speed_ms: int | None
    ) -> NotLiveError:
        why = self.reason(view.symbol, market=market, speed_ms=speed_ms)
        within = "" if timeout is None else f" within {timeout:g} s"
        msg = f"{view.symbol}: expected LIVE{within}, was {view.state}" + (f" ({why})" if why else "")
        return NotLiveError(msg)

    def close(self) -> None:
        """Give the engine's memory back; views that were taken stay. It may be called twice."""
        self._attached = None

    def _wait_for(
        self,
        fits: Callable[[BookView[NumberT_co]], bool],
        symbol: str,
        timeout: float,
        levels: int | None,
        market: str | None,
        speed_ms: int | None,
    ) -> BookView[NumberT_co]:
        """Return the first view that fits, or the last one when the time is over."""
        timeout = checked_timeout(timeout)
        deadline = time.monotonic() + timeout
        pause, seen = _FIRST_PAUSE, None
        while True:
            left = deadline - time.monotonic()
            attached, alive = self._present()
            try:
                slot = attached.slot(symbol.upper(), market, speed_ms)
                glance = (slot, slot.serial(), slot.behind, alive, attached.stuck)
                if glance != seen or left <= 0:
                    serial, view = self._view(symbol, slot, levels, attached, alive=alive)
                    if fits(view):
                        return view
                    if alive and view.state is BookState.FAILED:
                        raise self._not_live(view, None, market, speed_ms)
                    if left <= 0 and alive:
                        return view
                    # The serial of the record that was read: the latest may not have been whole, and is read again.
                    seen = (slot, serial, *glance[2:])
            except BookNotSharedError:
                # The engine may have just started, and be about to follow it.
                if left <= 0 and alive:
                    raise
            if left <= 0:
                raise EngineGoneError(attached.farewell)
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LAST_PAUSE)

    def _present(self) -> tuple[Attached, bool]:
        """Return the engine that runs, and `True`; or the last that ran, and `False`."""
        attached = self._attached
        if attached is None:
            msg = f"the reader of {self.name!r} was closed; make a new one"
            raise LifecycleError(msg)
        if attached.alive:
            return attached, True
        try:
            attached = self._attached = Attached(find_folder(self.name), self._users)
        except EngineGoneError:
            return attached, False
        return attached, True

    def _view(
        self, symbol: str, slot: SlotReader, levels: int | None, attached: Attached, *, alive: bool
    ) -> tuple[int, BookView[NumberT_co]]:
        """Return the latest record's serial number, and the record as a view."""
        # The mark first: it is set after the record to which it belongs.
        stale = not alive or attached.stuck or slot.behind
        serial, latest = slot.read()
        state, shown = None, shown_state(latest)
        if attached.ended and shown is not BookState.FAILED:
            state = BookState.STOPPED
        elif stale and shown is BookState.LIVE:
            state = BookState.STALE
        number = self._number_of(latest)
        return serial, unpack(symbol.upper(), latest, time.time(), levels=levels, state=state, number=number)

    def _number_of(self, record: bytes) -> type[Any]:
        """Return the number type of a record.

        Raises:
            SharingError: it is not the number type of this reader.
        """
        number = number_of(record)
        if self._number is not None and number is not self._number:
            msg = (
                f"the engine {self.name!r} keeps its books in {number.__name__}: expected "
                f"DepthReader({self.name!r}, number={number.__name__}), was number={self._number.__name__}"
            )
            raise SharingError(msg)
        return number
