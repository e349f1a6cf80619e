"""A worker process of an engine: a supervisor with its books and sockets, at the end of a line.

It is started by `shards.process`, does what it is told, and ends when it is told to, or when the line ends, as it does
with the engine's process, however that ends. One that only takes nothing for a while, stopped or busy, is waited for.
What becomes of the books when this process ends is for the engine's to say: from here no slot says more than that its
book is stale.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import pickle
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors import reporting
from depthactors.actors.book_failure import is_failure
from depthactors.actors.book_messages import Greet
from depthactors.actors.cell import Listener
from depthactors.actors.mailbox import mailbox_of, tell
from depthactors.actors.questions import Status
from depthactors.actors.supervisor_messages import CloseBook, OpenBooks
from depthactors.book import BookState
from depthactors.engine.lifecycle import join
from depthactors.engine.runtime import Runtime
from depthactors.errors import (
    DepthActorsError,
    EscalatedError,
    LifecycleError,
    LineError,
    UsageError,
    WorkerVersionError,
    as_value,
)
from depthactors.net.allowance import lease_allowances
from depthactors.shards.channel import Line
from depthactors.shards.greeting import check_greeting, greet
from depthactors.shards.interpreter import enter_worker
from depthactors.shards.messages import (
    Alive,
    Answer,
    Changed,
    Close,
    Failed,
    Logged,
    Noticed,
    Open,
    Opening,
    Question,
    Refused,
    StatusWanted,
    TellUpdates,
    Weighed,
)
from depthactors.sharing.folder import remove_abandoned
from depthactors.worker.allowance import LeasedAllowance
from depthactors.worker.outbox import Outbox
from depthactors.worker.slots import GivenSlots

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.actors.book_event import BookEvent
    from depthactors.actors.cell import BookCell
    from depthactors.markets import Market
    from depthactors.shards.messages import Begin
    from depthactors.status import EngineStatus

logger = reporting.logger(__name__)

_LEASE_TIMEOUT: Final = 2.0
"""Seconds for the engine's process to say what may be spent."""
_STOP_TIMEOUT: Final = 2.0
"""Seconds for everything to end when the line has."""
_CLOSE_TIMEOUT: Final = 2.0
"""Seconds for a book's actor to end."""


def main(descriptor: int) -> None:
    """Serve the engine at the other end of this descriptor until it ends; the main thread."""
    # Ctrl-C is for the engine's process, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    enter_worker()
    line = Line(descriptor, patience=None)
    try:
        line.send_bytes(greet())
        check_greeting(line.receive_bytes())
        Worker(line, line.receive()).run()
    except LineError:
        logger.debug("= the engine's process ended before it had begun")
    except WorkerVersionError as error:
        # The engine's process sees the same, and says so.
        logger.debug("= nothing that the engine's process says can be understood: %s", error)


class Worker:
    """What a worker process runs: this thread receives, another does what is told, a third sends."""

    def __init__(self, line: Line, begin: Begin) -> None:
        """Start nothing yet."""
        self._line = line
        self._name = begin.name
        self._timing = begin.settings.timing
        self._parent = os.getppid()
        self._outbox = Outbox(line)
        self._folder = Path(begin.folder)
        self._slots = GivenSlots(self._folder, self._beat)
        self._runtime = Runtime(begin.settings, self._failed, self, sharing=self._slots)
        self._books: dict[int, _Book] = {}
        self._orders: SimpleQueue[Any] = SimpleQueue()
        self._requests = count(1)
        self._asked: dict[int, pykka.ThreadingFuture[Any]] = {}
        self._forwarder = _Forwarder(self._outbox)
        logging.getLogger("depthactors").setLevel(begin.log_level)

    def run(self) -> None:
        """Receive until the line ends, then end everything."""
        root = logging.getLogger("depthactors")
        root.addHandler(self._forwarder)
        reporting.divert(self._notice)
        lease_allowances(lambda market: LeasedAllowance(market, self._ask, self._tell))
        self._outbox.start()
        self._runtime.start()
        steward = threading.Thread(target=self._serve, name="depthactors-steward", daemon=True)
        steward.start()
        try:
            while True:
                message = self._line.receive()
                if isinstance(message, Answer):
                    self._answered(message)
                else:
                    self._orders.put(message)
        except LineError as error:
            logger.debug("= the worker ends: %s", error)
        finally:
            deadline = time.monotonic() + _STOP_TIMEOUT
            self._orders.put(None)
            self.stop(_STOP_TIMEOUT)
            reporting.flush(max(0.0, deadline - time.monotonic()))
            root.removeHandler(self._forwarder)
            reporting.divert(None)
            self._outbox.end(max(0.0, deadline - time.monotonic()))
            # An engine that a signal ended could not do it: the last to see that does.
            remove_abandoned(self._folder)

    def stop(self, timeout: float) -> None:
        """End every book and connection."""
        self._runtime.stop(timeout)

    def forsake(self) -> None:
        """Nothing: a callback that forks has the line closed for it."""

    # What is told.

    def _serve(self) -> None:
        """Do what is told, one after the other; a thread of its own."""
        try:
            while (message := self._next_order()) is not None:
                try:
                    self._obey(message)
                except DepthActorsError as error:
                    self._refuse(message, error)
        except Exception as error:
            # The engine's process hears why, sees this one end, and starts another.
            logger.exception("! %s ends: it could not do what it was told", self._name)
            self._failed(LifecycleError(f"{self._name} ends: {type(error).__name__}: {error}"))
            self._outbox.end(_STOP_TIMEOUT)
        finally:
            self._line.close()

    def _next_order(self) -> Any:
        """Wait for the next order; `None` once the worker is to end."""
        # Looked at before each order: orders may come so often that no wait for one ends in vain.
        while os.getppid() == self._parent and self._runtime.alive:
            with suppress(Empty):
                # Briefly: a fork of the engine's process may hold its end of the line open.
                return self._orders.get(timeout=self._timing.parent_look)
        logger.debug("= the worker ends: the engine's process is gone, or the supervisor here")
        return None

    def _obey(self, message: Any) -> None:
        match message:
            case Open(openings):
                self._open(openings)
            case Question(request, number, question):
                self._question(request, number, question)
            case Close(request, number):
                self._close(number)
                self._outbox.put(Answer(request))
            case StatusWanted(request, timeout):
                self._outbox.put(Answer(request, self._status(timeout)))
            case TellUpdates(number):
                # Of a book that was closed meanwhile there is nothing to tell.
                if number in self._books:
                    self._books[number].tell_updates()
            case _:
                msg = f"expected an order for a worker, was {message!r}"
                raise UsageError(msg)

    def _refuse(self, message: Any, error: DepthActorsError) -> None:
        request = getattr(message, "request", 0)
        if request:
            self._outbox.put(Answer(request, error=_portable(error)))
        else:
            self._failed(error)

    def _open(self, openings: tuple[Opening, ...]) -> None:
        """Follow them all; one that cannot be is said to be refused, and disturbs no other one."""
        openings = tuple(opening for opening in openings if not self._is_over(opening))
        if not openings:
            return
        for opening in openings:
            self._slots.expect(opening.spec.key, opening.place)
        try:
            cells = self._runtime.ask(OpenBooks(tuple(opening.spec for opening in openings)))
        except DepthActorsError as error:
            self._expect_no_more(openings)
            if len(openings) == 1:
                self._outbox.put(Refused(openings[0].number, openings[0].place, _portable(error)))
            else:
                for opening in openings:
                    self._open((opening,))
            return
        self._expect_no_more(openings)
        for opening, cell in zip(openings, cells, strict=True):
            book = self._books.get(opening.number)
            if book is None:
                book = self._books[opening.number] = _Book(opening, cell, self._outbox, lambda: self._runtime.alive)
            if opening.told:
                book.tell_updates()

    def _expect_no_more(self, openings: tuple[Opening, ...]) -> None:
        for opening in openings:
            self._slots.expect_no_more(opening.spec.key)

    def _is_over(self, opening: Opening) -> bool:
        """Refuse to follow deeper what was given up here, before the engine's process had heard of it.

        Followed anew it would be another book, under a number whose listeners are being told of the end of the first.
        """
        book = self._books.get(opening.number)
        if book is None or not book.cell.state.over:
            return False
        error = book.cell.error or EscalatedError(f"{opening.spec.symbol} was given up")
        self._outbox.put(Refused(opening.number, opening.place, _portable(error)))
        return True

    def _close(self, number: int) -> None:
        """Follow a book no longer, and wait for the end of its actor."""
        book = self._books.pop(number, None)
        if book is None:
            return
        deadline = time.monotonic() + _CLOSE_TIMEOUT
        # What becomes of the book, and of its slot, is for the engine's process to say.
        book.mute()
        for _ in range(book.cell.followers):
            threads = self._runtime.ask(CloseBook(book.cell))
        join(threads, deadline)

    def _question(self, request: int, number: int, question: Any) -> None:
        book = self._books.get(number)
        ref = book.cell.ref if book is not None else None
        if ref is None or not ref.is_alive():
            self._outbox.put(Answer(request, error=pykka.ActorDeadError("the book's actor is being replaced")))
            return
        # The actor itself sends the answer: nobody waits for it here.
        reply: Any = _Reply(request, self._outbox)
        mailbox_of(ref).ask(question, reply)

    # What is said.

    def _beat(self) -> None:
        self._outbox.put(Alive(time.process_time()))

    def _failed(self, error: DepthActorsError) -> None:
        self._outbox.put(Failed(_portable(error)))

    def _notice(self, record: reporting.Record) -> None:
        if not is_failure(record.cause):
            self._outbox.put(Noticed(record.cause, record.text, record.level, record.is_over, record.traceback))

    def _status(self, timeout: float) -> EngineStatus:
        """Return how everything does; the names of other workers' actors are the same."""
        status: EngineStatus = self._runtime.ask(Status()).gather(timeout)
        return replace(
            status,
            sockets=tuple(replace(row, name=f"{self._name}-{row.name}") for row in status.sockets),
            pools=tuple(replace(row, name=f"{self._name}-{row.name}") for row in status.pools),
        )

    def _ask(self, market: Market, method: str, *arguments: Any) -> Any:
        request = next(self._requests)
        future = self._asked[request] = pykka.ThreadingFuture()
        message = Weighed(request, market, method, arguments)
        self._outbox.put(message)
        try:
            return future.get(timeout=_LEASE_TIMEOUT)
        except pykka.Timeout:
            # Nobody is to take weight for it later.
            self._outbox.withdraw(message)
            logger.warning("! the engine's process did not say within %g s what may be spent", _LEASE_TIMEOUT)
            return None
        finally:
            self._asked.pop(request, None)

    def _tell(self, market: Market, method: str, *arguments: Any) -> None:
        self._outbox.put(Weighed(0, market, method, arguments))

    def _answered(self, answer: Answer) -> None:
        future = self._asked.pop(answer.request, None)
        if future is not None:
            future.set(answer.value)


class _Book:
    """One book of the worker, as the engine's process calls it."""

    def __init__(self, opening: Opening, cell: BookCell, outbox: Outbox, supervised: Callable[[], bool]) -> None:
        """Report to the engine's process what happens to it.

        Args:
            opening: its number and its life there.
            cell: the book.
            outbox: the sender of reports.
            supervised: whether the supervisor here lives; its death ends all books here, and the process is replaced.
        """
        self.cell = cell
        self._number = opening.number
        self._life = opening.life
        self._outbox = outbox
        self._supervised = supervised
        self._told = False
        self._listen(Listener(None, self._changed))

    def tell_updates(self) -> None:
        """Report updates from now on."""
        if not self._told:
            self._told = True
            # Without a greeting: who begins to listen there reads what there is.
            reader = Listener(lambda _book: self._outbox.updated(self._number), None)
            reader.greeted = True
            self.cell.add(reader)

    def mute(self) -> None:
        """Report to nobody any more."""
        for listener in self.cell.listeners:
            self.cell.remove(listener)

    def _listen(self, listener: Listener) -> None:
        self.cell.add(listener)
        assert self.cell.ref is not None, "the supervisor starts the actor before it hands out the cell"
        tell(self.cell.ref, Greet(listener))

    def _changed(self, event: BookEvent) -> None:
        error = None if event.error is None else _portable(event.error)
        state = event.state if not event.state.over or self._supervised() else BookState.STALE
        change = type(event)(event.symbol, event.previous, state, error)
        self._outbox.put(Changed(self._number, self._life, change))


class _Reply:
    """What a book's actor answers to: it sends the answer to the engine's process. As a pykka future is used."""

    def __init__(self, request: int, outbox: Outbox) -> None:
        self._request = request
        self._outbox = outbox

    def set(self, value: Any = None) -> None:
        """Send the value."""
        self._outbox.put(Answer(self._request, value))

    def set_exception(self, exc_info: Any = None) -> None:
        """Send the error that is being handled, or the one that is given."""
        error = (exc_info or sys.exc_info())[1]
        self._outbox.put(Answer(self._request, error=_portable(error)))


class _Forwarder(logging.handlers.QueueHandler):
    """Sends log records to the engine's process, whose loggers know where they are to go."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox)  # type: ignore[arg-type]
        self._outbox = outbox

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put the record, which is plain by now, into the outbox."""
        self._outbox.put(Logged(record))


def _portable(error: Any) -> Any:
    """Return the error, or one that says the same if it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever a foreign error does when it is copied
        return LifecycleError(f"{type(error).__name__}: {error}")
    return as_value(error)
