"""A worker in a thread of the test, books without a process, and workers that only record."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from itertools import count

import pykka
import pytest

from depthactors.actors.base import EngineActor
from depthactors.actors.book_spec import BookSpec
from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.errors import LineError, UsageError
from depthactors.net.allowance import Allowance
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import USUAL
from depthactors.shards.channel import Channel
from depthactors.shards.messages import Alive, AllowanceCall, Answer, Begin, BookOpening, Follow, Stop
from depthactors.shards.remote_book import RemoteBookActor
from depthactors.shards.remote_cell import RemoteCell
from depthactors.sharing import EngineFolder
from depthactors.worker.worker import Worker
from tests.support import Recorder

PATIENCE = 10.0

_names = count(1)


@contextmanager
def open_folder():
    folder = EngineFolder(f"shards-test-{threading.get_native_id()}-{next(_names)}")
    folder.open()
    try:
        yield folder
    finally:
        folder.close()


def spec_of(market, symbol="BTCUSDT", depth=5, number=float):
    return BookSpec(market, symbol, depth, 100, None, number)


class WorkerEnd:
    """The engine's process as a worker sees it: it records what the worker sends, and answers for the allowance."""

    def __init__(self, line):
        self.line = line
        self.told = Recorder()
        self.allowance = None
        self.worker = self.worker_thread = None
        self._taking = threading.Lock()
        self._requests = count(1)
        self._thread = threading.Thread(target=self._receive, name="depthactors-test-end")
        self._thread.start()

    def wait(self, kind, matches=lambda _message: True):
        return self.told.wait_for(lambda each: isinstance(each, kind) and matches(each), PATIENCE)

    def wait_changed(self, kind, book_id, state):
        return self.wait(kind, lambda each: each.book_id == book_id and each.event.state is state)

    def open(self, *openings):
        self.line.send(Follow(openings))

    def ask(self, request):
        request_id = next(self._requests)
        self.line.send(request(request_id))
        return self.wait(Answer, lambda each: each.request_id == request_id)

    @contextmanager
    def stopped(self):
        """Take nothing meanwhile, as a process that is stopped."""
        with self._taking:
            yield

    def ended(self):
        """Wait until the worker has ended by itself."""
        for thread in (self._thread, self.worker_thread):
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def close(self):
        self.line.try_send(Stop())
        self.line.abort()
        self._thread.join(PATIENCE)
        self.line.close()

    def _receive(self):
        try:
            while True:
                with self._taking:
                    message = self.line.receive()
                if isinstance(message, AllowanceCall):
                    if self.allowance is None:
                        self.allowance = Allowance(message.market.weight_per_minute, message.market.connections)
                    value = getattr(self.allowance, message.method)(*message.arguments)
                    if message.request_id:
                        self.line.send(Answer(message.request_id, value))
                elif not isinstance(message, Alive):
                    self.told(message)
        except LineError:
            return


@contextmanager
def worker_in_thread(folder):
    """Run a worker in a thread of this process; yields the engine's end of its channel."""
    logger = logging.getLogger("depthactors")
    level = logger.level
    here, descriptor = Channel.pair()
    there = Channel(descriptor, patience=None)
    worker = Worker(there, Begin("worker-1", NetworkSettings(), str(folder.path), logging.INFO))
    thread = threading.Thread(target=worker.run, name="depthactors-test-worker")
    thread.start()
    end = WorkerEnd(here)
    end.worker, end.worker_thread = worker, thread
    try:
        yield end
    finally:
        end.close()
        thread.join(PATIENCE)
        there.close()
        logger.setLevel(level)
        assert not thread.is_alive()


class Rounds:
    """Lets a channel wait for room in short rounds; `enough` is set after a number of rounds in vain."""

    def __init__(self, line, wanted):
        self._poll, self._wanted = line._room, wanted
        self.enough = threading.Event()
        line._room = self

    def poll(self, _milliseconds):
        room = self._poll.poll(1)
        self._wanted -= not room
        if self._wanted < 0:
            self.enough.set()
        return room


class FollowedBook:
    """A slot for a worker to fill, with its cell in the engine's process.

    The cell's dispatcher is not started: it is the clock, and no listener of the cell is in its lane.
    """

    def __init__(self, folder, spec, number=1):
        self.place, slot = folder.new_book(spec.depth)
        self.cell = RemoteCell(spec, number, self.place, slot, None, USUAL, PooledDispatcher())

    def opening(self, *, told=False):
        return BookOpening(self.cell.book_id, self.cell.life, self.cell.spec, self.place, told)


class Silent(EngineActor):
    """An actor in place of a worker or a supervisor: it records its messages."""

    def __init__(self, record, dispatcher):
        super().__init__("silent", None, dispatcher)
        self._record = record

    def handle(self, message):
        self._record(message)


def start_remote_book(cell, supervisor):
    """Start the stand-in of a book."""
    return RemoteBookActor.start("book", cell, supervisor)


def end(ref: pykka.ActorRef) -> None:
    ref.stop(block=True, timeout=PATIENCE)


def wait_for_turn(ref):
    """Wait until an actor has handled all that was sent to it before: it refuses a question that it does not know."""
    with pytest.raises(UsageError):
        ref.ask(None, timeout=PATIENCE)
