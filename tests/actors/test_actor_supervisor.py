"""The supervisor: whoever dies is replaced alone, up to a limit, and everybody concerned is told."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from depthactors import DepthEngine, markets
from depthactors.actors import supervision
from depthactors.actors.book import BookActor
from depthactors.actors.book_messages import GiveUp
from depthactors.actors.cell import Listener
from depthactors.actors.notifier import Notifier
from depthactors.actors.questions import Status, Top
from depthactors.actors.snapshots import SnapshotActor
from depthactors.actors.socket import SocketActor
from depthactors.actors.sockets import Sockets
from depthactors.actors.supervision import LookAtChildren
from depthactors.actors.supervisor import Supervisor
from depthactors.actors.supervisor_messages import (
    BookGivenUp,
    CloseBook,
    OpenBooks,
    ReconnectExhausted,
    Shutdown,
    StreamSilent,
    StreamsRefused,
)
from depthactors.book import BookState
from depthactors.errors import (
    ActorDiedError,
    EscalatedError,
    ReconnectsExhaustedError,
    SilentStreamError,
    SlowCallbackError,
    StreamError,
    SupervisorDiedError,
)
from depthactors.exchange import LocalExchange
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import Backoff
from tests.actors.actor_support import Actors, FakeRest, FakeStreams, join, spec, usual
from tests.support import Recorder, until

SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
LIVE, STALE, FAILED = BookState.LIVE, BookState.STALE, BookState.FAILED
RESTARTS = 5
NEVER_REACHED = 10**9
"""A number of diffs that no stream of a test brings: it counts as silent."""
QUICK = NetworkSettings(backoff=Backoff(first=0.02, factor=1.0))


@pytest.fixture
def exchange():
    with LocalExchange.with_order_flow(SYMBOLS, rate=100.0, levels=5.0, depth=150) as exchange:
        yield exchange


@pytest.fixture
def market(exchange):
    return markets.SPOT.at(exchange.url)


@pytest.fixture
def actors(exchange, dispatcher):
    with Actors(dispatcher) as actors:
        yield actors


@pytest.fixture
def supervisor(actors, dispatcher):
    return actors.start(Supervisor, dispatcher, QUICK, Notifier(dispatcher), SocketNetwork(QUICK))


@pytest.fixture
def open_books(supervisor, market):
    """Open books and wait until they are live; returns their cells."""

    def open_books(*symbols, market=market, **changes):
        cells = supervisor.ask(OpenBooks(tuple(spec(market, symbol, **changes) for symbol in symbols)), timeout=5)
        for cell in cells:
            assert cell.settled.wait(10), cell.error
        return cells

    return open_books


def kill(ref):
    ref.tell(object())  # which no actor of ours takes


def listen(cell):
    """Return the records of the events and of the ids of updates from now on."""
    events, updates = Recorder(), Recorder()
    cell.add(Listener(lambda book: updates(book.last_update_id), events))
    return events, updates


def children(supervisor):
    return supervisor.ask(Status(), timeout=5)


def goes_on(cell):
    """Wait until the book is live and at a later update than now."""
    before = cell.view(1, float).last_update_id
    until(lambda: cell.state is LIVE and cell.view(1, float).last_update_id > before)


def kill_book(cell):
    """Kill a book's actor and wait until it is replaced."""
    before = cell.restarts
    kill(cell.ref)
    until(lambda: cell.restarts > before and cell.ref.is_alive())


def kill_for_good(cell):
    """Kill a book's actor until it is not replaced any more."""
    for _ in range(RESTARTS):
        kill_book(cell)
    kill(cell.ref)
    until(lambda: cell.state is FAILED)


def test_a_dead_book_is_replaced_and_its_last_good_levels_stay_readable(open_books):
    cell, other = open_books(*SYMBOLS[:2])
    died, updates = listen(cell)
    seen = Recorder()
    cell.add(Listener(None, lambda _event: seen(cell.view(5, float))))
    updates.wait()
    first = cell.ref
    kill(first)
    event = died.wait_one(matches=lambda event: isinstance(event.error, ActorDiedError))
    view = seen.wait_one()
    assert (event.previous, event.state, view.state) == (LIVE, STALE, STALE)
    assert (len(view.bids), len(view.asks), view.last_update_id >= updates.seen[0]) == (5, 5, True)
    goes_on(cell)
    assert (cell.restarts, cell.ref != first, first.is_alive(), cell.ref.is_alive()) == (1, True, False, True)
    updates.wait(matches=lambda last_id: last_id > view.last_update_id)
    assert (other.restarts, other.state) == (0, LIVE)


def test_the_death_of_one_book_disturbs_no_other(open_books):
    cell, *others = open_books(*SYMBOLS)
    records = [listen(each) for each in others]
    for _ in range(3):
        kill_book(cell)
    goes_on(cell)
    for each, (events, updates) in zip(others, records, strict=True):
        goes_on(each)
        row = each.ref.ask(Status(), timeout=5)
        assert (row.restarts, row.counters.gaps, row.counters.resyncs, events.seen) == (0, 0, 0, [])
        assert updates.seen == sorted(updates.seen)


def test_a_dead_socket_is_replaced_and_every_book_of_it_is_live_again(supervisor, open_books):
    cells = open_books(*SYMBOLS)
    told = [listen(cell)[0] for cell in cells]
    (first,) = children(supervisor).sockets
    kill(first)
    for events in told:
        stale = events.wait_one(matches=lambda event: event.state is STALE)
        assert isinstance(stale.error, StreamError)
        events.wait_one(matches=lambda event: (event.previous, event.state) == (STALE, LIVE))
    (second,) = children(supervisor).sockets
    assert (first.is_alive(), second.is_alive()) == (False, True)
    assert second.ask(Status(), timeout=5).streams == len(SYMBOLS)
    for cell in cells:
        goes_on(cell)
        assert cell.restarts == 0
    join(first)


def test_a_dead_snapshot_actor_is_replaced_while_the_books_go_on(supervisor, open_books):
    (cell,) = open_books("BTCUSDT")
    events, _ = listen(cell)
    (first,) = children(supervisor).pools
    kill(first)
    until(lambda: children(supervisor).pools != (first,))
    goes_on(cell)
    open_books("ETHUSDT")
    assert (cell.restarts, events.seen) == (0, [])
    join(first)


def test_a_snapshot_that_died_with_its_actor_is_fetched_by_the_next(supervisor):
    rest, streams = FakeRest(), FakeStreams()
    passes = threading.Semaphore(0)
    rest.on_request = lambda *each: (passes.acquire(timeout=10), FakeRest.snapshot(*each))[1]
    try:
        row = replace(markets.SPOT.at(streams.url), rest_url=rest.url)
        (cell,) = supervisor.ask(OpenBooks((spec(row),)), timeout=5)
        rest.requests.wait()
        (first,) = children(supervisor).pools
        kill(first)
        rest.requests.wait(count=2)
        passes.release(2)
        assert cell.settled.wait(10)
        assert (cell.state, cell.restarts) == (LIVE, 0)
        join(first)
        supervisor.ask(CloseBook(cell), timeout=5)
    finally:
        streams.close()
        rest.close()


def test_a_book_that_keeps_dying_is_given_up_and_told_and_the_others_go_on(open_books):
    cell, other = open_books(*SYMBOLS[:2])
    events, _ = listen(cell)
    kill_for_good(cell)
    event = events.wait_one(matches=lambda event: event.state is FAILED)
    assert isinstance(event.error, EscalatedError)
    assert (cell.error, cell.restarts, cell.settled.is_set()) == (event.error, RESTARTS, True)
    assert cell.view(5, float).state is FAILED
    goes_on(other)


@pytest.mark.parametrize("group", ["sockets", "pools"])
def test_what_books_need_and_keeps_dying_takes_them_along(supervisor, open_books, group):
    cells = open_books(*SYMBOLS[:2])
    events = [listen(cell)[0] for cell in cells]
    for _ in range(RESTARTS):
        (ref,) = getattr(children(supervisor), group)
        kill(ref)
        until(lambda ref=ref: getattr(children(supervisor), group) != (ref,))
    kill(getattr(children(supervisor), group)[0])
    for told in events:
        failed = told.wait_one(matches=lambda event: event.state is FAILED)
        assert isinstance(failed.error, EscalatedError)
    assert all(cell.ref.ask(Top(1), timeout=5).state is FAILED for cell in cells), "questions are still answered"


def test_exhausted_reconnects_fail_the_books_of_that_socket(supervisor, open_books):
    (cell,) = open_books("BTCUSDT")
    events, _ = listen(cell)
    (socket,) = children(supervisor).sockets
    name = socket.ask(Status(), timeout=5).name
    supervisor.tell(ReconnectExhausted(name, StreamError("no way")))
    failed = events.wait_one(matches=lambda event: event.state is FAILED)
    assert isinstance(failed.error, ReconnectsExhaustedError)
    assert str(failed.error) == "the tries to connect are used up: no way"
    join(socket)
    assert children(supervisor).sockets == ()


@pytest.mark.parametrize("how", ["its connection was given up", "its symbol is unknown", "it was told to"])
def test_a_given_up_book_stays_so_and_harms_nobody_when_its_actor_dies(supervisor, open_books, how):
    (cell,) = open_books("BTCUSDT")
    (socket,) = children(supervisor).sockets
    if how == "its connection was given up":
        supervisor.tell(ReconnectExhausted(socket.ask(Status(), timeout=5).name, StreamError("no way")))
    else:
        cell.ref.tell(GiveUp(EscalatedError("enough")))
        if how == "its symbol is unknown":
            supervisor.tell(BookGivenUp(cell))
    until(lambda: cell.state is FAILED)
    dead = cell.ref
    kill(dead)
    join(dead)
    # Behind the news of the death: the supervisor still answers, and opens other books.
    open_books("ETHUSDT")
    assert supervisor.is_alive()
    assert cell.state is FAILED


def test_a_failed_book_that_is_asked_for_again_begins_anew(open_books):
    (cell,) = open_books("BTCUSDT")
    kill_for_good(cell)
    (again,) = open_books("BTCUSDT")
    assert again is not cell
    goes_on(again)
    assert (again.restarts, cell.state) == (0, FAILED)


def test_letting_go_of_a_failed_book_leaves_its_successor_alone(exchange, monkeypatch):
    monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
    with DepthEngine() as engine:
        old = engine.subscribe("BTCUSDT", depth=10).wait_live(10)
        old.ref.tell(GiveUp(EscalatedError("enough")))
        until(lambda: old.state is FAILED)
        new = engine.subscribe("BTCUSDT", depth=10).wait_live(10)
        engine.unsubscribe(old)
        assert new.state is LIVE
        assert new.ask(Top(1)).state is LIVE


def test_followers_share_a_book_and_the_last_one_takes_it_along(supervisor, open_books):
    (first,) = open_books("BTCUSDT")
    (second,) = open_books("BTCUSDT", depth=50)
    assert second is first
    until(lambda: first.spec.depth == 50)
    assert supervisor.ask(CloseBook(first), timeout=5) == ()
    goes_on(first)
    (thread,) = supervisor.ask(CloseBook(first), timeout=5)
    thread.join(5)
    assert (thread.is_alive(), first.state, children(supervisor).cells) == (False, BookState.STOPPED, ())


def test_letting_go_of_a_book_whose_actor_is_dead_stops_it(supervisor, open_books, monkeypatch):
    failures = Recorder()
    monkeypatch.setattr(supervision, "report_failure", lambda *failure: failures(failure))
    (cell,) = open_books("BTCUSDT")
    events, _ = listen(cell)
    # The supervisor has not heard of the death yet.
    monkeypatch.setattr(BookActor, "on_failure", lambda *_: None)
    kill(cell.ref)
    join(cell.ref)
    supervisor.ask(CloseBook(cell), timeout=5)
    events.wait_one(matches=lambda event: event.state is BookState.STOPPED)
    assert (cell.state, children(supervisor).cells) == (BookState.STOPPED, ())
    assert failures.seen == [], "it did not fail"


def test_a_deepened_book_is_as_deep_after_a_death(open_books):
    (cell,) = open_books("BTCUSDT", depth=10)
    open_books("BTCUSDT", depth=150)
    until(lambda: cell.spec.depth == 150)
    kill_book(cell)
    goes_on(cell)
    assert len(cell.ref.ask(Top(150), timeout=5).bids) == 150


def test_a_connection_carries_no_more_streams_than_the_market_allows(supervisor, market, open_books):
    open_books(*SYMBOLS, market=replace(market, max_streams=2))
    streams = [ref.ask(Status(), timeout=5).streams for ref in children(supervisor).sockets]
    assert sorted(streams) == [1, 2]


def test_shutting_down_returns_the_mailboxes_of_actors_that_end(supervisor, market):
    cells = supervisor.ask(OpenBooks(tuple(spec(market, symbol) for symbol in SYMBOLS)), timeout=5)
    mailboxes = supervisor.ask(Shutdown(), timeout=5)
    endings = [ending for mailbox in mailboxes for ending in mailbox.endings]
    assert len(endings) >= 3 + len(cells)
    for ending in endings:
        ending.join(5)
        assert not ending.is_alive(), ending.name
    assert {cell.state for cell in cells} == {BookState.STOPPED}


class FakeRecorder:
    """Notes why the recording of each book ended."""

    target = SimpleNamespace(book_ticker=False)

    def __init__(self):
        self.ended = []

    def add(self, _cell):
        return SimpleNamespace(end=self.ended.append)


@pytest.fixture
def no_room(monkeypatch):
    """No connection takes a stream."""

    def with_room(*_):
        msg = "no room"
        raise ZeroDivisionError(msg)

    with monkeypatch.context() as patch:
        patch.setattr(Sockets, "with_room", with_room)
        yield patch


def test_a_book_that_cannot_be_started_leaves_nothing_behind(supervisor, market, no_room):
    with pytest.raises(ZeroDivisionError, match="no room"):
        supervisor.ask(OpenBooks((spec(market),)), timeout=5)
    no_room.undo()
    (cell,) = supervisor.ask(OpenBooks((spec(market),)), timeout=5)
    assert cell.settled.wait(10)
    assert cell.state is LIVE


@pytest.mark.usefixtures("no_room")
def test_the_recording_of_a_book_that_cannot_be_started_says_why_it_ended(actors, dispatcher, market):
    recorder = FakeRecorder()
    network, notifier = SocketNetwork(QUICK), Notifier(dispatcher)
    supervisor = actors.start(Supervisor, dispatcher, QUICK, notifier, network, recorder=recorder)
    with pytest.raises(ZeroDivisionError, match="no room"):
        supervisor.ask(OpenBooks((spec(market),)), timeout=5)
    # The first reason is the one that is kept.
    assert recorder.ended[0] == "it could not be followed"


@pytest.mark.parametrize("raised", [ZeroDivisionError, MemoryError, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("kind", [BookActor, SocketActor, SnapshotActor])
def test_a_child_that_cannot_begin_is_given_up_in_the_end(supervisor, market, monkeypatch, kind, raised):
    begun = []

    def begin(actor):
        begun.append(actor.name)
        raise raised

    monkeypatch.setattr(kind, "begin", begin)
    (cell,) = supervisor.ask(OpenBooks((spec(market),)), timeout=5)
    until(lambda: cell.state is FAILED)
    assert type(cell.error) is EscalatedError
    assert len(begun) == RESTARTS + 1
    monkeypatch.undo()
    (again,) = supervisor.ask(OpenBooks((spec(market, "ETHUSDT"),)), timeout=5)
    assert again.settled.wait(10)
    assert again.state is LIVE


def test_a_child_that_cannot_begin_once_is_live_in_the_end(supervisor, market, monkeypatch):
    begin, failures = BookActor.begin, iter([ZeroDivisionError("once")])

    def sometimes(actor):
        for failure in failures:
            raise failure
        begin(actor)

    monkeypatch.setattr(BookActor, "begin", sometimes)
    (cell,) = supervisor.ask(OpenBooks((spec(market),)), timeout=5)
    until(lambda: cell.state is LIVE)
    assert cell.restarts == 1


def test_a_child_that_ended_without_a_word_is_found_and_replaced(supervisor, open_books, monkeypatch, caplog):
    (cell,) = open_books("BTCUSDT")
    # Whatever it was: its last message never came.
    monkeypatch.setattr(BookActor, "on_failure", lambda *_: None)
    first = cell.ref
    kill(first)
    join(first)
    supervisor.tell(LookAtChildren())
    until(lambda: cell.restarts == 1)
    assert "BTCUSDT died: UsageError: expected a question" in caplog.text, "its mailbox keeps the reason"
    goes_on(cell)


def test_a_book_that_is_stuck_is_told_once(actors, market):
    errors = Recorder()
    settings = replace(QUICK, timing=usual(lag_limit=0.3))
    notifier = Notifier(actors.dispatcher, errors)
    supervisor = actors.start(Supervisor, actors.dispatcher, settings, notifier, SocketNetwork(settings))
    (cell,) = supervisor.ask(OpenBooks((spec(market),)), timeout=5)
    assert cell.settled.wait(10)
    leave = threading.Event()
    cell.add(Listener(lambda _book: leave.wait(20), None))
    try:
        until(lambda: cell.lag() > 0.3)
        assert cell.state_of(10) is STALE
        for _ in range(3):
            supervisor.tell(LookAtChildren())
        error = errors.wait_one(SlowCallbackError)
        assert "BTCUSDT" in str(error)
        supervisor.ask(Status(), timeout=5)
        assert len(errors.seen) == 1
    finally:
        leave.set()
    until(lambda: cell.state_of(10) is LIVE)


def test_a_supervisor_that_dies_fails_every_book_and_says_so(actors, market):
    errors = Recorder()
    notifier = Notifier(actors.dispatcher, errors)
    supervisor = actors.start(Supervisor, actors.dispatcher, QUICK, notifier, SocketNetwork(QUICK))
    cells = supervisor.ask(OpenBooks(tuple(spec(market, symbol) for symbol in SYMBOLS)), timeout=5)
    told = [listen(cell)[0] for cell in cells]
    for cell in cells:
        assert cell.settled.wait(10)
    kill(supervisor)
    for cell, events in zip(cells, told, strict=True):
        failed = events.wait_one(matches=lambda event: event.state is FAILED)
        assert (type(failed.error), "supervisor died" in str(failed.error)) == (SupervisorDiedError, True)
        assert cell.state is FAILED
    assert type(errors.wait_one()) is SupervisorDiedError
    for cell in cells:
        join(cell.ref)


def test_a_silent_stream_is_subscribed_to_anew_and_then_given_a_connection_of_its_own(supervisor, open_books):
    cell, other = open_books(*SYMBOLS[:2])
    events, _ = listen(other)
    error = SilentStreamError("nothing comes")
    supervisor.tell(StreamSilent(cell, error, NEVER_REACHED))
    goes_on(cell)
    assert len(children(supervisor).sockets) == 1
    supervisor.tell(StreamSilent(cell, error, NEVER_REACHED))
    until(lambda: len(children(supervisor).sockets) == 2)
    streams = [ref.ask(Status(), timeout=5).streams for ref in children(supervisor).sockets]
    goes_on(cell)
    assert streams == [1, 1]
    goes_on(other)
    assert events.seen == []
    assert other.counters.resyncs == 0


def fail_once(monkeypatch):
    """Let the next start of a socket actor fail."""
    start, failures = SocketActor.start, iter([RuntimeError("can't start new thread")])

    def sometimes(*arguments, **options):
        for failure in failures:
            raise failure
        return start(*arguments, **options)

    monkeypatch.setattr(SocketActor, "start", sometimes)


@pytest.mark.parametrize("why", ["silent", "refused alone"])
def test_a_stream_stays_where_it_is_if_no_other_connection_can_be_started(
    supervisor, market, open_books, monkeypatch, why
):
    cell, other = open_books(*SYMBOLS[:2])
    told = [listen(each)[0] for each in (cell, other)]
    stream = market.diff_stream(cell.spec.symbol, cell.spec.speed_ms)

    def report():
        if why == "silent":
            # The first time it is only subscribed to anew.
            supervisor.tell(StreamSilent(cell, SilentStreamError("nothing comes"), NEVER_REACHED))
            supervisor.tell(StreamSilent(cell, SilentStreamError("nothing comes"), NEVER_REACHED))
        else:
            supervisor.tell(StreamsRefused("socket-spot-1", (stream,), is_full=False))

    fail_once(monkeypatch)
    report()
    (socket,) = children(supervisor).sockets
    assert socket.ask(Status(), timeout=5).streams == 2
    goes_on(cell)
    goes_on(other)
    assert [event.state for events in told for event in events.seen if event.state is FAILED] == []
    report()
    until(lambda: len(children(supervisor).sockets) == 2)
    goes_on(cell)
    goes_on(other)


def test_a_stream_of_a_full_connection_is_moved_as_soon_as_another_connection_can_be_started(
    actors, market, monkeypatch
):
    settings = replace(QUICK, timing=usual(watch_interval=0.05))
    notifier = Notifier(actors.dispatcher)
    supervisor = actors.start(Supervisor, actors.dispatcher, settings, notifier, SocketNetwork(settings))
    cells = supervisor.ask(OpenBooks(tuple(spec(market, symbol) for symbol in SYMBOLS)), timeout=5)
    fail_once(monkeypatch)
    stream = market.diff_stream(SYMBOLS[0], 100)
    supervisor.tell(StreamsRefused("socket-spot-1", (stream,), is_full=True))
    until(lambda: len(children(supervisor).sockets) == 2)
    until(lambda: [ref.ask(Status(), timeout=5).streams for ref in children(supervisor).sockets] == [2, 1])
    for cell in cells:
        goes_on(cell)


def test_a_silent_stream_that_has_come_since_is_left_as_it_is(supervisor, open_books):
    (cell,) = open_books("BTCUSDT")
    goes_on(cell)
    before = cell.counters.diffs - 1
    for _ in range(2):
        supervisor.tell(StreamSilent(cell, SilentStreamError("nothing came"), before))
    (ref,) = children(supervisor).sockets
    assert ref.ask(Status(), timeout=5).connected
    goes_on(cell)
    assert (cell.counters.gaps, cell.counters.faults, len(children(supervisor).sockets)) == (0, 0, 1)


def test_a_stream_that_was_up_goes_on_when_a_connection_that_was_made_before_carries_it(supervisor, market, open_books):
    narrow = replace(market, max_streams=3)
    first = open_books(*SYMBOLS, market=narrow)
    *_, cell = open_books(*SYMBOLS, market=narrow, speed_ms=1000)
    for other in first[1:]:
        supervisor.ask(CloseBook(other), timeout=5)
    # As when it is one too many for the successor of its connection.
    supervisor.tell(StreamsRefused("socket-spot-2", (narrow.diff_stream(cell.spec.symbol, 1000),), is_full=True))
    goes_on(cell)
    streams = [ref.ask(Status(), timeout=5).streams for ref in children(supervisor).sockets]
    goes_on(cell)
    assert streams == [2, 2]


def test_what_is_told_of_a_book_that_is_gone_is_no_ones_business(supervisor, open_books):
    (cell,) = open_books("BTCUSDT")
    supervisor.ask(CloseBook(cell), timeout=5)
    supervisor.tell(StreamSilent(cell, SilentStreamError("late"), NEVER_REACHED))
    supervisor.tell(BookGivenUp(cell))
    assert children(supervisor).cells == ()


def test_the_counts_of_a_book_go_on_when_it_is_replaced(open_books):
    (cell,) = open_books("BTCUSDT")
    goes_on(cell)
    before = replace(cell.counters)
    kill_book(cell)
    goes_on(cell)
    after = cell.status().counters
    assert (after.diffs > before.diffs, after.snapshots > before.snapshots) == (True, True)
    assert after.resyncs == before.resyncs + 1
