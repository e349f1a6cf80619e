"""Which worker keeps which book, and what becomes of books whose worker dies; the workers only record."""

import threading
import time

import pytest

from depthactors import BookState
from depthactors.actors.base import ChildFailed, EngineActor
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_messages import GiveUp, Greet
from depthactors.actors.cell import Listener
from depthactors.actors.notifier import Notifier
from depthactors.actors.questions import Status
from depthactors.actors.supervision import RESTARTS, LookAtChildren
from depthactors.actors.supervisor_messages import CloseBook, OpenBooks, Shutdown
from depthactors.dispatcher.gate import Gate
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.engine.lifecycle import join
from depthactors.errors import (
    ActorDiedError,
    EscalatedError,
    SharingError,
    UnknownSymbolError,
    WorkerDiedError,
    WorkerStartError,
    WorkerVersionError,
)
from depthactors.markets import SPOT
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.shards import supervisor as module
from depthactors.shards.messages import BookChanged, BooksUpdated, Follow, ReportUpdates, Unfollow
from depthactors.shards.orders import Ask, Rebalance, Send, WorkerLost
from depthactors.shards.process import WorkerProcess
from depthactors.shards.supervisor import ShardSupervisor
from depthactors.sharing.place import parts_of
from depthactors.sharing.record import pack
from depthactors.status import WorkerStatus
from tests.shards.shard_support import PATIENCE, spec_of, wait_for_turn
from tests.sharing.publisher import book_of
from tests.support import Recorder, until


class FakeWorker(EngineActor):
    """Records what it is to send, and answers at once."""

    started: list

    def __init__(self, name, supervisor, *, restarts=0, routes=None, **_settings):
        super().__init__(name, supervisor)
        self.routes = routes
        self.restarts = restarts
        self.opened = {}
        self.orders = []
        self.closed = []
        self.busy = threading.Event()
        self.died = threading.Event()
        self.ended = threading.Event()
        FakeWorker.started.append(self)

    def handle(self, message):
        match message:
            case Send(Follow(openings)):
                self.orders.append(Follow)
                self.opened |= {each.book_id: each for each in openings}
            case Send(order):
                self.orders.append(type(order))
            case Ask(request, future):
                self._asked(request(1), future)
            case WorkerVersionError() | WorkerStartError():
                raise message
            case "die":
                words = f"{self.name}: killed"
                raise WorkerDiedError(words)
            case threading.Event():
                self.busy.set()
                message.wait(PATIENCE)
            case Status():
                return WorkerStatus(self.name, 1, 0.0, self.restarts)
        return None

    def release(self, error):
        (self.died if error is not None else self.ended).set()

    def _asked(self, message, future):
        if isinstance(message, Unfollow):
            self.closed.append(message.book_id)
            self.opened.pop(message.book_id, None)
        future.set(None)

    def place_of(self, cell):
        """The place of a book's slot in the latest order; `None` without one."""
        opening = self.opened.get(cell.book_id)
        return None if opening is None else opening.place

    @property
    def symbols(self):
        return sorted(opening.spec.symbol for opening in self.opened.values())


class Scene:
    def __init__(self, folder, dispatcher, processes=2):
        self.errors = Recorder()
        self.notifier = Notifier(dispatcher, self.errors)
        settings = NetworkSettings()
        network = SocketNetwork(settings)
        self.ref = ShardSupervisor.start(dispatcher, settings, self.notifier, network, folder, processes, WorkerProcess)

    def open(self, *symbols, depth=5):
        return self.ask(OpenBooks(tuple(spec_of(SPOT, symbol, depth) for symbol in symbols)))

    def ask(self, message):
        return self.ref.ask(message, timeout=PATIENCE)

    def close(self, cell):
        return join(self.ask(CloseBook(cell)), time.monotonic() + PATIENCE)

    @property
    def workers(self):
        """Return the present workers, in order."""
        refs = self.ask(Status()).workers
        return [next(each for each in FakeWorker.started if each.actor_ref is ref) for ref in refs]

    def kill(self, worker):
        worker.actor_ref.tell("die")
        assert worker.died.wait(PATIENCE)
        # Its last act is to tell the supervisor.
        mailbox_of(worker.actor_ref).life.join(PATIENCE)

    def upgrade(self, worker):
        """Let the worker find that it is of another version."""
        worker.actor_ref.tell(WorkerVersionError("another version"))
        assert worker.died.wait(PATIENCE)
        mailbox_of(worker.actor_ref).life.join(PATIENCE)

    def refuse(self, worker):
        """Let the system have no room for the worker's process; returns the error."""
        error = WorkerStartError("too many open files")
        worker.actor_ref.tell(error)
        assert worker.died.wait(PATIENCE)
        mailbox_of(worker.actor_ref).life.join(PATIENCE)
        return error

    def kill_for_good(self, place):
        """Kill the worker of this place, and its successors, until there is none."""
        before = len(self.workers)
        while len(self.workers) == before:
            doomed = self.workers[place]
            self.kill(doomed)
            until(lambda doomed=doomed: doomed not in self.workers)

    def stop(self):
        boxes = self.ask(Shutdown())
        self.ref.stop(block=True, timeout=PATIENCE)
        assert join((box.life for box in boxes), time.monotonic() + PATIENCE) == []
        self.notifier.close()
        self.notifier.abort()


@pytest.fixture
def new_scene(folder, dispatcher, monkeypatch):
    FakeWorker.started = []
    monkeypatch.setattr(module, "WorkerActor", FakeWorker)
    scenes = []

    def new(processes=2):
        scenes.append(Scene(folder, dispatcher, processes))
        return scenes[-1]

    yield new
    for scene in scenes:
        scene.stop()


@pytest.fixture
def scene(new_scene):
    return new_scene()


def test_books_move_with_their_last_view_and_a_worker_that_is_to_go_ends(scene):
    cells = scene.open("A", "B", "C", "D")
    first, second = scene.workers
    until(lambda: second.symbols == ["B", "D"])
    former = {cell.book_id: cell.place for cell in cells}
    cells[1]._slot.again().write(pack(book_of(7), 5, BookState.LIVE, float))
    assert scene.ask(Rebalance(1)) == 2
    assert second.ended.wait(PATIENCE)
    assert scene.workers == [first]
    assert sorted(second.closed) == [2, 4]
    until(lambda: first.symbols == ["A", "B", "C", "D"])
    for cell in cells:
        assert first.place_of(cell) == cell.place
        assert (cell.place == former[cell.book_id]) == (cell.book_id in {1, 3}), "the former worker may write yet"
    view = cells[1].view(5, float)
    assert (view.state, view.last_update_id) == (BookState.STALE, 7)


def test_a_book_that_moves_to_and_fro_is_followed_anew_by_its_first_worker(new_scene):
    scene = new_scene(1)
    _, moving = scene.open("A", "B")
    (first,) = scene.workers
    assert (scene.ask(Rebalance(2)), scene.ask(Rebalance(1))) == (1, 1)
    until(lambda: first.place_of(moving) == moving.place)
    assert (first.closed, first.opened[moving.book_id].life, moving.life) == ([moving.book_id], 3, 3)
    assert scene.ask(Rebalance(None)) == 0


def test_a_worker_that_is_to_go_and_keeps_no_book_ends(scene):
    scene.open("A")
    _, second = scene.workers
    assert scene.ask(Rebalance(1)) == 0
    assert second.ended.wait(PATIENCE)


def test_a_stop_waits_for_the_workers_that_were_to_go_before_too(scene):
    scene.open("A")
    _, second = scene.workers
    leave = threading.Event()
    try:
        second.actor_ref.tell(leave)
        assert second.busy.wait(PATIENCE)
        scene.ask(Rebalance(1))
        assert mailbox_of(second.actor_ref) in scene.ask(Shutdown())
    finally:
        leave.set()


def test_books_for_which_there_is_no_other_slot_stay_with_their_worker_which_goes_on(scene, folder, monkeypatch):
    cells = scene.open("A", "B", "C", "D")
    first, second = scene.workers
    places = iter([folder.new_book(5)])

    def new_book(_depth):
        for place in places:
            return place
        msg = "no room"
        raise SharingError(msg)

    with monkeypatch.context() as patched:
        patched.setattr(folder, "new_book", new_book)
        with pytest.raises(SharingError, match="no room"):
            scene.ask(Rebalance(1))
    until(lambda: first.symbols == ["A", "B", "C"])
    assert (scene.workers, second.symbols) == ([first, second], ["D"])
    assert not any(cell.is_over for cell in cells)
    assert scene.ask(Rebalance(1)) == 1
    assert second.ended.wait(PATIENCE)


def test_a_worker_that_keeps_dying_is_given_up_with_its_books_and_reported_once(scene):
    one, other = scene.open("A", "B")
    scene.kill_for_good(0)
    until(lambda: one.state is BookState.FAILED)
    assert isinstance(one.error, EscalatedError)
    assert other.state is not BookState.FAILED
    scene.ask(LookAtChildren())
    # Told in order: after this one there is none of the watch.
    scene.notifier.report_error(EscalatedError("the last"))
    scene.errors.wait_for(lambda error: str(error) == "the last")
    assert [type(error) for error in scene.errors.seen] == [EscalatedError, EscalatedError]


def test_the_reason_of_a_death_that_was_not_reported_names_the_worker_once(new_scene):
    scene = new_scene(1)
    (book,) = scene.open("A")
    (worker,) = scene.workers
    scene.ref.tell(ChildFailed(worker.name, worker.actor_ref, ActorDiedError("worker-1: it ended without notice")))
    until(lambda: book.error is not None)
    assert str(book.error) == "worker-1: it ended without notice"
    # It did not end, after all.
    worker.actor_ref.stop(timeout=PATIENCE)


def test_a_worker_that_cannot_be_started_is_tried_again_at_the_next_check_and_not_before(new_scene, monkeypatch):
    notices = []
    monkeypatch.setattr(module.logger, "notice", lambda _cause, words, *arguments: notices.append(words % arguments))
    scene = new_scene(1)
    (book,) = scene.open("A")
    for tried in range(1, RESTARTS + 1):
        error = scene.refuse(FakeWorker.started[-1])
        until(lambda error=error: book.error is error)
        assert len(FakeWorker.started) == tried
        assert book.state is not BookState.FAILED
        scene.ask(LookAtChildren())
        assert len(FakeWorker.started) == tried + 1
        until(lambda: [*FakeWorker.started[-1].opened] == [book.book_id])
    assert notices == ["too many open files; it will be tried again"] * RESTARTS
    scene.refuse(FakeWorker.started[-1])
    scene.ask(LookAtChildren())
    until(lambda: book.state is BookState.FAILED)
    assert isinstance(book.error, EscalatedError)
    assert "too many open files" in str(book.error)


def test_books_opened_after_a_worker_was_given_up_are_kept_by_workers_that_live(scene):
    one, _ = scene.open("A", "B")
    scene.kill_for_good(0)
    until(lambda: one.state is BookState.FAILED)
    again, *_ = scene.open("A", "C", "D")
    assert len(scene.workers) == 2
    until(lambda: sorted(scene.workers[0].symbols + scene.workers[1].symbols) == ["A", "B", "C", "D"])
    assert again is not one
    assert again.state is not BookState.FAILED


def test_a_book_that_was_deepened_with_one_that_could_not_be_opened_is_followed_deeper(scene, folder, monkeypatch):
    (kept,) = scene.open("A")
    full = SharingError("no room")

    made = []

    def new_book(depth, make=folder.new_book):
        made.append(depth)
        if made == [20, 20]:
            raise full
        return make(depth)

    monkeypatch.setattr(folder, "new_book", new_book)
    with pytest.raises(SharingError, match="no room"):
        scene.open("A", "B", depth=20)
    worker = scene.workers[0]
    until(lambda: worker.place_of(kept) == kept.place)
    assert worker.opened[kept.book_id].spec.depth == kept.depth == 20
    assert kept.followers == 1


def test_a_failed_book_keeps_its_reason_and_is_not_opened_anew_when_its_worker_is_replaced_or_it_moves(scene):
    failed, _ = scene.open("A", "B")
    cause = UnknownSymbolError("A is unknown")
    failed.ref.tell(BookChanged(failed.book_id, 1, BookEvent("A", BookState.SYNCING, BookState.FAILED, cause)))
    # Both before the book's actor has looked at that: it is told of the loss behind it.
    failed.ref.tell(WorkerLost(WorkerDiedError("gone")))
    failed.ref.tell(GiveUp(EscalatedError("gone for good")))
    until(lambda: failed.state is BookState.FAILED)
    wait_for_turn(failed.ref)
    assert (failed.state, failed.error) == (BookState.FAILED, cause)
    (first, _) = scene.workers
    scene.ask(Rebalance(1))
    scene.ask(Rebalance(2))
    first.actor_ref.ask(Status(), timeout=PATIENCE)
    scene.kill(first)
    until(lambda: first not in scene.workers)
    assert failed.error is cause
    assert "A" not in scene.workers[0].symbols


def test_a_book_that_its_worker_gave_up_is_followed_anew_though_its_actor_has_not_handled_that(new_scene):
    scene = new_scene(1)
    (first,) = scene.open("A")
    entered, go_on, events = threading.Event(), Gate(), Recorder()
    # Else the actor's beginning may greet the listener with the book that is not live yet, and note it as shown.
    wait_for_turn(first.ref)
    first.add(Listener(lambda _view: (entered.set(), go_on.wait(PATIENCE)), events, 5))
    first._slot.again().write(pack(book_of(1), 5, BookState.LIVE, float))
    first.ref.tell(BooksUpdated((first.book_id,)))
    assert entered.wait(PATIENCE)
    (worker,) = scene.workers
    try:
        cause = EscalatedError("reconnects are used up")
        worker.routes.changed(BookChanged(first.book_id, 1, BookEvent("A", BookState.LIVE, BookState.FAILED, cause)))
        (second,) = scene.open("A", depth=10)
        assert second is not first
        until(lambda: [*worker.opened] == [second.book_id])
        assert worker.closed == [first.book_id], "nobody's book is left there"
    finally:
        go_on.set()
    assert events.wait_for(lambda event: event.state is BookState.FAILED).error is cause
    assert (first.state, second.is_over) == (BookState.FAILED, False)


def test_the_books_of_a_worker_of_another_version_go_to_the_others_and_the_last_ones_fail_with_the_reason(scene):
    cells = scene.open("A", "B", "C", "D")
    first, second = scene.workers
    scene.upgrade(second)
    until(lambda: scene.workers == [first])
    until(lambda: first.symbols == ["A", "B", "C", "D"])
    assert {cell.worker for cell in cells} == {first.actor_ref}
    assert "another version; 2 books move" in str(scene.errors.wait_for(lambda _error: True).args[0])
    scene.open("E")
    assert scene.workers == [first], "another one would be of the new version too"
    scene.upgrade(first)
    until(lambda: all(cell.state is BookState.FAILED for cell in cells))
    assert {str(cell.error) for cell in cells} == {"another version"}
    assert all(isinstance(cell.error, EscalatedError) for cell in cells)


def test_a_book_that_is_alone_in_its_file_is_given_another_slot(new_scene, folder):
    scene = new_scene(1)
    kept, *others = scene.open(*(f"S{number}" for number in range(40)))
    before, last = kept.place, others.pop()
    (worker,) = scene.workers
    for cell in others:
        assert scene.close(cell) == []
    until(lambda: kept.place != before)
    until(lambda: worker.place_of(kept) == kept.place)
    until(lambda: {each.name for each in folder.path.glob("book-*")} == {parts_of(last.place)[0]})


def test_the_reports_of_a_former_worker_are_ignored(new_scene):
    scene = new_scene(1)
    (cell,) = scene.open("A")
    (first,) = scene.workers
    scene.kill(first)
    until(lambda: scene.workers[0] is not first)
    until(lambda: scene.workers[0].opened)
    assert scene.workers[0].opened[cell.book_id].life == cell.life == 2
    cause = EscalatedError("from before")
    cell.ref.tell(BookChanged(cell.book_id, 1, BookEvent("A", BookState.LIVE, BookState.FAILED, cause)))
    wait_for_turn(cell.ref)
    assert cell.state is BookState.SYNCING
    cell.ref.tell(BookChanged(cell.book_id, 2, BookEvent("A", BookState.LIVE, BookState.FAILED, cause)))
    until(lambda: cell.state is BookState.FAILED)


def test_the_order_to_report_updates_is_not_lost_while_the_book_is_opened_anew(scene, monkeypatch):
    (cell,) = scene.open("A")
    first = scene.workers[0]
    asked = threading.Event()

    def opening(make=cell.opening):
        told = make()
        if not asked.is_set():
            asked.set()
            cell.add(listener := Listener(lambda _view: None, None, 5))
            cell.ref.tell(Greet(listener))
            # What this order does not name has to come behind it. Where it could come before, it has time to.
            give_up = time.monotonic() + 0.3
            while not cell.reports_updates and time.monotonic() < give_up:
                pass
        return told

    monkeypatch.setattr(cell, "opening", opening)
    scene.kill(first)
    until(lambda: first not in scene.workers)
    second = scene.workers[0]
    until(lambda: len(second.orders) == 2)
    assert second.orders == [Follow, ReportUpdates]
