"""The program of a run: it subscribes, reads, asks and unsubscribes, also in its callbacks, which sleep and raise."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import pykka

from depthactors.actors.questions import Best, Full, Top
from depthactors.book import BookState
from depthactors.dispatcher.current import sleep
from depthactors.errors import CallbackError, DepthActorsError, LifecycleError, UnknownSymbolError
from tests.sim.disturbances import Disturbances
from tests.sim.questions import Questions

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from depthactors.actors.book_event import BookEvent
    from depthactors.book import BookView
    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.engine.handle import BookHandle
    from tests.sim.truth import Truth

DEPTHS = (1, 5, 20)
_READERS = 2
"""Subscriptions a symbol, about."""
_IN_CALLBACKS = 0.002
"""Share of the callbacks that do more than read."""


class Reader:
    """One subscription, and what its callbacks may see.

    Attributes:
        number: its number, from 1.
        handle: the handle, once `subscribe` has returned.
        is_over: whether it was unsubscribed: then it must not be called any more.
        last_id: the id of the last update since the last event.
        naps: seconds for which the next calls sleep.
        blows: number of the next calls that raise.
    """

    def __init__(self, program: Program, number: int, symbol: str, depth: int) -> None:
        self.number, self.symbol, self.depth = number, symbol, depth
        self.handle: BookHandle[Any] | None = None
        self.is_over = self.is_calling = False
        self.last_id = 0
        self.seen_id = 0
        self.naps: list[float] = []
        self.blows = 0
        self._program = program

    def update(self, view: BookView[Any]) -> None:
        """Take an update."""
        program = self._program
        program.calls += 1
        if self.is_over:
            program.fail(f"{self.symbol}: a callback was called after unsubscribe() had returned")
        if self.is_calling:
            program.fail(f"{self.symbol}: a callback was called while it was being called")
        if view.state is not BookState.LIVE:
            program.fail(f"{self.symbol}: a callback was called with a book that is {view.state}")
        if view.last_update_id < self.last_id:
            program.fail(f"{self.symbol}: after update {self.last_id} came {view.last_update_id}")
        self.last_id = self.seen_id = view.last_update_id
        program.truth.compare(view, self.depth)
        self.is_calling = True
        try:
            self._program.behave(self)
        finally:
            self.is_calling = False

    def event(self, event: BookEvent) -> None:
        """Take an event."""
        self._program.events += 1
        if self.is_over:
            self._program.fail(f"{self.symbol}: an event came after unsubscribe() had returned")
        # After an event the ids may begin anew.
        self.last_id = 0
        del event


class Program:
    """Keeps some subscriptions to each symbol, and changes them now and then.

    Attributes:
        readers: the present subscriptions.
        calls: number of updates that callbacks were called with.
        asked: number of questions that were answered.
        disturbed: when a process stands still, is gone, or cannot be heard.
        asleep: when a callback sleeps.
        questions: the questions of other threads.
        is_quiet: whether callbacks only read.
        is_ending: whether the engine is being stopped.
    """

    def __init__(
        self, engine: DepthEngine[Any], symbols: list[str], draws: Random, truth: Truth, fail: Callable[[str], None]
    ) -> None:
        self.engine, self.symbols, self.truth, self.fail = engine, symbols, truth, fail
        self.readers: list[Reader] = []
        self.calls = self.events = self.asked = self.subscriptions = 0
        self.is_quiet = self.is_ending = False
        self._now = engine._runtime.dispatcher.monotonic
        self.disturbed, self.asleep = Disturbances(self._now), Disturbances(self._now)
        self._draw, self._choose = draws.random, draws.choice
        self.questions = Questions(engine._runtime.dispatcher.simulation, draws.random, fail, self.disturbed)
        self._old: list[pykka.ActorRef[Any]] = []

    def start(self) -> None:
        """Start the engine."""
        self.engine.start()

    def stop(self) -> None:
        """Stop it."""
        self.engine.stop()

    def begin(self) -> None:
        """Subscribe to each symbol."""
        for symbol in self.symbols:
            self.subscribe(symbol)

    def subscribe(self, symbol: str) -> None:
        """Subscribe; a book that was given up for its symbol is followed anew later."""
        self.subscriptions += 1
        reader = Reader(self, self.subscriptions, symbol, self._choose(DEPTHS))
        self.readers.append(reader)
        try:
            reader.handle = self.engine.subscribe(
                symbol, depth=reader.depth, on_update=reader.update, on_event=reader.event
            )
        except LifecycleError:
            self.readers.remove(reader)
            if not self.is_ending:
                raise

    def unsubscribe(self, reader: Reader) -> None:
        """Unsubscribe; from then on it must not be called."""
        if reader.handle is None or reader not in self.readers:
            return
        self.readers.remove(reader)
        ref = reader.handle._cell.ref
        if ref is not None:
            self.questions.ask(ref, Best())
        self.engine.unsubscribe(reader.handle)
        reader.is_over = True
        if ref is not None:
            self._old = [*self._old[-3:], ref]

    def act(self) -> None:
        """Do one of the things that a program does; from the main thread, or within a callback."""
        draw = self._draw()
        if draw < 0.25:
            self._ask()
        elif draw < 0.35:
            self._ask_the_dead()
        elif draw < 0.6 and self.readers:
            self.unsubscribe(self._choose(self.readers))
        elif draw < 0.8 and len(self.readers) < 2 * _READERS * len(self.symbols):
            self.subscribe(self._choose(self.symbols))
        elif self.readers:
            self._look(self._choose(self.readers))

    def keep(self) -> None:
        """Follow each symbol anew that is not followed, or was given up because the exchange did not know it."""
        self.questions.check()
        for reader in list(self.readers):
            if reader.handle is None or reader.handle.state is not BookState.FAILED:
                continue
            if not isinstance(reader.handle.error, UnknownSymbolError | CallbackError):
                self.fail(f"{reader.symbol}: given up: {reader.handle.error}")
            self.unsubscribe(reader)
        self.follow_all()

    def follow_all(self) -> None:
        """Subscribe to each symbol that has no subscription."""
        for symbol in self.symbols:
            if not any(reader.symbol == symbol for reader in self.readers):
                self.subscribe(symbol)

    def behave(self, reader: Reader) -> None:
        """Do what a callback does besides reading."""
        if reader.naps:
            seconds = reader.naps.pop()
            self.asleep.add(seconds)
            sleep(seconds)
        if reader.blows:
            reader.blows -= 1
            msg = "as planned"
            raise ValueError(msg)
        if not self.is_quiet and self._draw() < _IN_CALLBACKS:
            self.timed(reader, self.act)

    def timed(self, reader: Reader, call: Callable[[], None]) -> None:
        """Call what a callback may call: it must not raise, and not wait for others."""
        begun = self._now()
        try:
            call()
        except DepthActorsError as error:
            self.fail(f"{reader.symbol}: a call within a callback raised {type(error).__name__}: {error}")
        if self.disturbed.had_time(begun):
            self.fail(f"{reader.symbol}: a call within a callback took {self._now() - begun:.1f} s")

    def _ask(self) -> None:
        if not self.readers:
            return
        reader = self._choose(self.readers)
        if reader.handle is None:
            return
        question, begun = self._choose((Best(), Top(5), Full())), self._now()
        try:
            view = reader.handle.ask(question)
        except (LifecycleError, pykka.Timeout) as error:
            is_excused = isinstance(error, pykka.Timeout) and not self.disturbed.had_time(begun)
            is_wanted = reader in self.readers and reader.handle.state is not BookState.FAILED
            if is_wanted and not self.is_ending and not is_excused:
                self.fail(f"{reader.symbol}: a question was not answered: {type(error).__name__}: {error}")
            return
        self.asked += 1
        if view.state is BookState.LIVE:
            levels = inf if type(question) is Full else len(view.bids)
            self.truth.compare(view, int(min(levels, reader.depth, len(view.bids))))

    def _ask_the_dead(self) -> None:
        """Ask an actor that has ended, or is about to: it must refuse, and not leave the asker waiting."""
        if self._old:
            ref = self._choose(self._old)
            try:
                ref.ask(Best(), timeout=5.0)
            except pykka.ActorDeadError:
                return
            except pykka.Timeout:
                self.fail("a question to an actor that had ended was neither answered nor refused")

    def _look(self, reader: Reader) -> None:
        if reader.handle is not None:
            view = reader.handle.view()
            if view.state is BookState.LIVE:
                self.truth.compare(view, reader.depth)
