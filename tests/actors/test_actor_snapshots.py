"""The snapshot actor against a REST server with knobs: what goes first, how much, and what comes back."""

import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from depthactors import markets, reporting
from depthactors.actors.questions import Status
from depthactors.actors.snapshot_messages import SnapshotArrived, SnapshotDelayed, SnapshotFailed, SnapshotWanted
from depthactors.actors.snapshots import SnapshotActor
from depthactors.binance import DepthReply
from depthactors.dispatcher import SystemClock
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.errors import MalformedFrameError, RateLimitedError, SnapshotError, UnknownSymbolError, UsageError
from depthactors.net.allowance import Allowance
from depthactors.net.fetcher import FetchingThread
from depthactors.net.network import SocketNetwork
from depthactors.net.rest import RestClient
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import USUAL, Backoff, host_pace
from depthactors.sync import Priority
from tests.actors.actor_support import Actors, FakeRest, Probe, join, market_at
from tests.support import PATIENCE, Recorder, until

LIMIT = 100
WEIGHT = 5
WORKERS = 4
CLOSED = replace(USUAL, host_backoff=Backoff(first=600.0, factor=1.0, cap=600.0))
"""A host that fails is not asked again."""
SOON_LOST = replace(USUAL, lost_after=0.1)
INVALID_SYMBOL = 400, {}, {"code": -1121, "msg": "Invalid symbol."}


class ClientNetwork(SocketNetwork):
    """A network whose depth requests a client of the test's handles."""

    def __init__(self, new_client):
        super().__init__(NetworkSettings())
        self._new_client = new_client

    def fetcher(self, name, on_reply):
        return FetchingThread(name, self._new_client(), on_reply)


SECOND = 20.0


class EarlyInAMinute(SystemClock):
    """The machine's clock when it is set to 20 s after a minute's beginning."""

    def time(self):
        return SECOND


def in_a_minute(per_minute):
    """Return an allowance for which a minute has begun 20 s ago: weight is counted by clock minutes."""
    return Allowance(per_minute, 300, EarlyInAMinute())


class Gate:
    """Lets a server answer as many requests as it is told to, and all of them in the end."""

    def __init__(self, server):
        self._server = server
        self._passes = threading.Semaphore(0)
        server.on_request = self._wait

    def _wait(self, symbol, limit):
        assert self._passes.acquire(timeout=PATIENCE)
        return FakeRest.snapshot(symbol, limit)

    def open(self, count=1):
        self._passes.release(count)

    def order(self, symbols):
        """Let the requests for these, which wait, come one after the other; returns their order."""
        for count in range(1, len(symbols) + 1):
            self.open()
            self._server.requests.wait(count=WORKERS + count)
        return asked_for(self._server)[WORKERS:]


@pytest.fixture
def server():
    server = FakeRest()
    yield server
    server.close()


@pytest.fixture
def actors(server, dispatcher):
    with Actors(dispatcher) as actors:
        yield actors


@pytest.fixture
def told():
    """What all books together are told."""
    return Recorder()


@pytest.fixture
def want(server, actors, told):
    """Make a request of a book; each symbol is one book, whatever it asks for."""
    books = {}

    def want(symbol="BTCUSDT", priority=Priority.NEW, epoch=1, limit=LIMIT, **changes):
        if symbol not in books:
            books[symbol] = actors.start(Probe, actors.dispatcher, told, symbol)
        return SnapshotWanted(market_at(server, **changes), symbol, limit, epoch, priority, books[symbol])

    return want


@pytest.fixture
def start(actors):
    parent, _ = actors.probe(name="parent")

    def start(per_minute=6000, **options):
        options = {"allowance": in_a_minute(per_minute), "network": SocketNetwork(NetworkSettings())} | options
        return actors.start(SnapshotActor, "snapshots-spot", parent, **options)

    return start


@pytest.fixture
def busy(start, server, want):
    """Start an actor whose workers are all at a request; returns it and what lets the server answer."""
    gate, ref = Gate(server), start()
    for number in range(WORKERS):
        ref.tell(want(f"BUSY{number}"))
    server.requests.wait(count=WORKERS)
    yield ref, gate
    gate.open(100)


def asked_for(server):
    return [symbol for _, symbol, _ in list(server.requests.seen)]


def test_a_snapshot_comes_to_who_wanted_it(start, server, want, told):
    start().tell(want(epoch=3))
    arrived = told.wait_one(SnapshotArrived)
    assert (arrived.epoch, arrived.snapshot.last_update_id, arrived.snapshot.limit) == (3, 100, LIMIT)
    assert abs(time.time() - arrived.recv_time) < 5
    assert server.requests.seen[0][1:] == ("BTCUSDT", LIMIT)


def test_an_empty_book_is_a_snapshot(start, server, want, told):
    server.on_request = lambda *_: (200, {}, {"lastUpdateId": 1, "bids": [], "asks": []})
    start().tell(want())
    snapshot = told.wait_one(SnapshotArrived).snapshot
    assert (snapshot.last_update_id, snapshot.bids, snapshot.asks) == (1, [], [])


def test_the_most_urgent_goes_first_and_the_older_of_equals(busy, server, want):
    ref, gate = busy
    waiting = ["REFRESH1", "NEW1", "REFRESH2", "RESYNC1", "NEW2", "RESYNC2"]
    for symbol in waiting:
        ref.tell(want(symbol, Priority[symbol[:-1]]))
    assert ref.ask(Status(), timeout=5).waiting == len(waiting)
    assert gate.order(waiting) == ["RESYNC1", "RESYNC2", "NEW1", "NEW2", "REFRESH1", "REFRESH2"]


def test_a_later_request_of_a_book_replaces_the_waiting_one(busy, want, told):
    ref, gate = busy
    for epoch in range(1, 6):
        ref.tell(want(epoch=epoch, limit=LIMIT * epoch))
    assert ref.ask(Status(), timeout=5).waiting == 1
    gate.open(WORKERS + 1)
    told.wait(SnapshotArrived, WORKERS + 1)
    served = [(each.epoch, each.snapshot.limit) for each in told.seen if each.epoch > 1]
    assert (served, ref.ask(Status(), timeout=5).under_way) == ([(5, LIMIT * 5)], 0)


def test_a_request_that_became_urgent_overtakes_and_one_that_did_not_keeps_its_place(busy, want):
    ref, gate = busy
    for symbol in ("A", "B", "C"):
        ref.tell(want(symbol))
    ref.tell(want("A", epoch=2))
    ref.tell(want("C", Priority.RESYNC))
    assert ref.ask(Status(), timeout=5).waiting == 3
    assert gate.order("ABC") == ["C", "A", "B"]


def test_no_more_is_asked_for_than_the_weight_of_a_minute_allows(start, server, want, told):
    ref = start(per_minute=WEIGHT * 4)
    for number in range(8):
        ref.tell(want(f"SYM{number}"))
    told.wait(SnapshotArrived, 3)
    until(lambda: ref.ask(Status(), timeout=5).under_way == 0)
    row = ref.ask(Status(), timeout=5)
    assert (row.waiting, row.used_weight) == (5, 3 * WEIGHT)
    assert sorted(asked_for(server)) == ["SYM0", "SYM1", "SYM2"]


def test_the_exchanges_own_count_is_believed(start, server, want, told):
    server.on_request = lambda *each: (200, {"X-MBX-USED-WEIGHT-1M": "5999"}, FakeRest.snapshot(*each)[2])
    ref = start()
    ref.tell(want("FIRST"))
    told.wait(SnapshotArrived)
    ref.tell(want("SECOND"))
    row = ref.ask(Status(), timeout=5)
    assert (row.waiting, row.under_way, row.used_weight) == (1, 0, 5999)
    assert asked_for(server) == ["FIRST"]


@pytest.mark.parametrize("status", [429, pytest.param(418, marks=pytest.mark.full)])
def test_a_rate_limit_silences_the_pool_for_as_long_as_told_and_fails_no_book(start, server, want, told, status):
    answers = iter([(status, {"Retry-After": "1"}, {"code": -1003, "msg": "Too many requests"})])
    server.on_request = lambda *each: next(answers, FakeRest.snapshot(*each))
    ref = start()
    ref.tell(want("FIRST"))
    delayed = told.wait_one(SnapshotDelayed)
    assert (delayed.epoch, type(delayed.error)) == (1, RateLimitedError)
    ref.tell(want("SECOND"))
    told.wait(SnapshotArrived, 2)
    (refused, _, _), *later = server.requests.seen
    assert sorted(symbol for _, symbol, _ in later) == ["FIRST", "SECOND"]
    assert all(0.95 < at - refused < 5 for at, _, _ in later)
    assert told.of(SnapshotFailed) == []


def test_a_firewall_is_asked_no_more_by_however_many_books(start, server, want, told):
    server.on_request = lambda *_: (403, {}, {})
    ref = start()
    for number in range(50):
        ref.tell(want(f"SYM{number}"))
    told.wait(SnapshotDelayed, 46)
    until(lambda: ref.ask(Status(), timeout=5).under_way == 0)
    row = ref.ask(Status(), timeout=5)
    assert len(server.requests.seen) <= WORKERS
    assert (row.waiting, 50 < row.silent_for <= 66, row.limited) == (50, True, len(server.requests.seen))
    assert "403, its firewall refuses this address" in row.error
    assert told.of(SnapshotFailed) == []


@pytest.mark.parametrize("answer", [(502, {}, {}), (200, {}, {"code": -1000})], ids=["502", "no snapshot"])
def test_a_host_that_brings_nothing_is_asked_no_more_by_each_book(start, server, want, told, answer):
    server.on_request = lambda *_: answer
    ref = start(timing=CLOSED)
    for number in range(50):
        ref.tell(want(f"SYM{number}"))
    # Whoever waits is told why.
    told.wait(SnapshotDelayed, 50 - host_pace.PATIENCE - WORKERS)
    until(lambda: ref.ask(Status(), timeout=5).under_way == 0)
    assert len(server.requests.seen) < host_pace.PATIENCE + WORKERS
    row = ref.ask(Status(), timeout=5)
    assert (row.waiting, row.failed) == (50 - row.failed, len(server.requests.seen))
    assert row.error is not None


def test_a_host_that_is_well_again_is_asked_by_all(start, server, want, told):
    answers = iter([(502, {}, {})] * 15)
    server.on_request = lambda *each: next(answers, None) or FakeRest.snapshot(*each)
    ref = start(timing=replace(USUAL, host_backoff=Backoff(first=0.05, factor=1.0, cap=0.05)))
    for number in range(50):
        ref.tell(want(f"SYM{number}"))
    told.wait(SnapshotFailed, 15)
    told.wait(SnapshotArrived, 35)


def test_a_host_that_fails_holds_up_no_other_one_of_its_pool(start, server, want, told):
    with closing(FakeRest()) as other:
        other.on_request = lambda *_: (502, {}, {})
        ref = start(timing=CLOSED)
        for number in range(2 * host_pace.PATIENCE):
            ref.tell(replace(want(f"BAD{number}"), market=markets.SPOT.at(other.url)))
        told.wait(SnapshotFailed, host_pace.PATIENCE)
        ref.tell(want("WELL"))
        told.wait(SnapshotArrived)


def test_symbols_that_are_refused_do_not_make_a_host_fail(start, server, want, told):
    server.on_request = lambda *_: (400, {}, {"code": -4108, "msg": "Symbol is on settling"})
    ref = start(timing=CLOSED)
    for number in range(3 * host_pace.PATIENCE):
        ref.tell(want(f"SYM{number}"))
    told.wait(SnapshotFailed, 3 * host_pace.PATIENCE)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((500, {}, {"code": -1000, "msg": "An unknown error"}), SnapshotError, "500 An unknown error"),
        ((503, {}, "no object"), SnapshotError, "503"),
        (INVALID_SYMBOL, UnknownSymbolError, "BTCUSDT"),
        ((200, {}, {"lastUpdateId": 1}), MalformedFrameError, "'bids'"),
        ((200, {}, [1, 2]), MalformedFrameError, "JSON object"),
    ],
    ids=["500", "503 without an object", "unknown symbol", "truncated", "a list"],
)
def test_what_is_no_snapshot_is_a_typed_failure_and_the_next_request_is_served(
    start, server, want, told, answer, error, words
):
    answers = iter([answer])
    server.on_request = lambda *each: next(answers, FakeRest.snapshot(*each))
    ref = start()
    ref.tell(want(epoch=4))
    failed = told.wait_one(SnapshotFailed)
    assert (failed.epoch, type(failed.error)) == (4, error)
    assert words in str(failed.error)
    ref.tell(want(epoch=5))
    assert told.wait_one(SnapshotArrived).epoch == 5


@pytest.mark.parametrize("answer", [INVALID_SYMBOL, (500, {}, {"msg": "An internal error"})], ids=["unknown", "500"])
def test_a_failed_request_is_a_notice_unless_the_book_itself_reports_it(start, server, want, told, monkeypatch, answer):
    notices = Recorder()
    monkeypatch.setattr(reporting.Trouble, "came", lambda _self, _cause, words, *values: notices(words % values))
    server.on_request = lambda *_: answer
    ref = start()
    for priority in (Priority.REFRESH, Priority.NEW):
        ref.tell(want(priority=priority))
        told.wait_one(SnapshotFailed)
        told.seen.clear()
    expected = [] if answer is INVALID_SYMBOL else ["without which no book becomes live"]
    assert len(notices.seen) == len(expected)
    assert all(words in notice for words, notice in zip(expected, notices.seen, strict=True))


def test_nobody_at_the_address_is_a_failure(start, want, told):
    start().tell(want(rest_url="http://127.0.0.1:1"))
    failed = told.wait_one(SnapshotFailed)
    assert (type(failed.error), failed.error.status) == (SnapshotError, None)


def test_the_request_of_a_book_that_died_is_skipped(busy, server, want):
    ref, gate = busy
    dead = want("DEAD", Priority.RESYNC)
    ref.tell(dead)
    ref.tell(want("ALIVE", Priority.REFRESH))
    dead.ref.stop(timeout=5)
    gate.open(WORKERS + 1)
    server.requests.wait_one(matches=lambda request: request[1] == "ALIVE")
    assert "DEAD" not in asked_for(server)


def test_stopping_ends_every_worker(busy):
    ref, gate = busy
    assert len(mailbox_of(ref).helpers) == WORKERS
    ref.stop(timeout=5)
    gate.open(WORKERS)
    join(ref, 5)


def test_what_is_no_request_is_refused(start):
    with pytest.raises(UsageError, match="expected a request for a snapshot"):
        start().ask("what?", timeout=5)


class FakeClient:
    """A client whose answers `on_fetch` makes; `cut` frees the one that waits."""

    def __init__(self, on_fetch):
        self.on_fetch, self.requests, self.freed = on_fetch, [], threading.Event()

    def fetch_depth(self, market, symbol, limit, request):
        self.requests.append(request)
        return self.on_fetch(self, market, symbol, limit)

    def cut(self, request):
        if self.requests and request == self.requests[-1]:
            self.freed.set()

    def abort(self):
        self.freed.set()

    def close(self):
        pass


def test_whatever_a_worker_raises_is_one_requests_failure(start, want, told):
    def fetch(_client, market, symbol, limit):
        if symbol == "BROKEN":
            raise KeyboardInterrupt
        return RestClient(NetworkSettings()).fetch_depth(market, symbol, limit)

    ref = start(network=ClientNetwork(lambda: FakeClient(fetch)))
    for _ in range(2 * WORKERS):
        ref.tell(want("BROKEN"))
        failed = told.wait_one(SnapshotFailed)
        assert (type(failed.error), "KeyboardInterrupt" in str(failed.error)) == (SnapshotError, True)
        told.seen.clear()
    ref.tell(want("WELL"))
    told.wait(SnapshotArrived)
    assert ref.ask(Status(), timeout=5).failed == 2 * WORKERS


def test_an_answer_that_takes_too_long_is_cut_however_steadily_it_comes(start, want, told):
    def fetch(client, _market, symbol, _limit):
        assert client.freed.wait(PATIENCE)
        return DepthReply(SnapshotError(f"{symbol}: cut"))

    # Enough for a thread to be started.
    ref = start(network=ClientNetwork(lambda: FakeClient(fetch)), answer_deadline=0.5)
    begun = time.monotonic()
    ref.tell(want())
    assert "cut" in str(told.wait_one(SnapshotFailed).error)
    assert 0.45 < time.monotonic() - begun < USUAL.lost_after


def test_a_request_whose_worker_is_stuck_for_good_is_given_up(start, want, told):
    leave = threading.Event()

    def fetch(_client, _market, _symbol, _limit):
        assert leave.wait(PATIENCE)
        return DepthReply(SnapshotError("at last"))

    ref = start(network=ClientNetwork(lambda: FakeClient(fetch)), answer_deadline=0.1, timing=SOON_LOST)
    try:
        ref.tell(want())
        assert "no answer within 0.2 s" in str(told.wait_one(SnapshotFailed).error)
        assert ref.ask(Status(), timeout=5).under_way == 0
    finally:
        leave.set()
    assert len(told.of(SnapshotFailed)) == 1


def test_what_was_given_up_is_not_fetched_and_no_more_is_begun_than_there_are_workers(start, want, told, monkeypatch):
    # That so many fail in a row is not what this is about.
    monkeypatch.setattr(host_pace, "PATIENCE", 4 * WORKERS)
    leave, begun = threading.Event(), []

    def fetch(_client, _market, symbol, _limit):
        begun.append(symbol)
        assert leave.wait(PATIENCE)
        return DepthReply(SnapshotError("at last"))

    ref = start(network=ClientNetwork(lambda: FakeClient(fetch)), answer_deadline=0.1, timing=SOON_LOST)
    symbols = [f"S{number}" for number in range(3 * WORKERS)]
    for symbol in symbols[:WORKERS]:
        ref.tell(want(symbol))
    try:
        until(lambda: len(begun) == WORKERS)
        for symbol in symbols[WORKERS:]:
            ref.tell(want(symbol))
        told.wait(SnapshotFailed, WORKERS)
        status = ref.ask(Status(), timeout=5)
        assert (status.waiting, len(begun)) == (2 * WORKERS, WORKERS), "all workers are stuck: nothing can be begun"
    finally:
        leave.set()
    told.wait(SnapshotFailed, 3 * WORKERS)
    assert sorted(begun) == sorted(symbols), "each once, though the first were given up"


def test_no_more_is_begun_than_there_are_workers_before_the_answers_were_looked_at(start, want, told, monkeypatch):
    monkeypatch.setattr(host_pace, "PATIENCE", WORKERS)
    answer, begun = threading.Event(), []

    def fetch(_client, _market, symbol, _limit):
        begun.append(symbol)
        assert answer.wait(PATIENCE)
        return DepthReply(SnapshotError("nothing"))

    class Slow(Allowance):
        """Lets the request after the first answer wait until all others have come."""

        def take_weight(self, weight, reserve=0.0):
            if answer.is_set():
                until(lambda: len(begun) > WORKERS or len(mailbox_of(ref)._control) >= WORKERS - 1)
            return super().take_weight(weight, reserve)

    ref = start(network=ClientNetwork(lambda: FakeClient(fetch)), allowance=Slow(6000, 300), timing=CLOSED)
    for number in range(3 * WORKERS):
        ref.tell(want(f"S{number}"))
    until(lambda: ref.ask(Status(), timeout=5).waiting == 2 * WORKERS and len(begun) == WORKERS)
    answer.set()
    # One for each answer but the last, after which it is the host that fails.
    told.wait(SnapshotFailed, 2 * WORKERS - 1)
    until(lambda: ref.ask(Status(), timeout=5).under_way == 0)
    assert len(begun) == 2 * WORKERS - 1


def test_after_the_stop_nothing_is_begun(start, want):
    at_work, leave, begun = threading.Event(), threading.Event(), []

    class Uncut(FakeClient):
        abort = cut = lambda _self: None

    def fetch(_client, _market, symbol, _limit):
        begun.append(symbol)
        if len(begun) == WORKERS:
            at_work.set()
        assert leave.wait(PATIENCE)
        return DepthReply(SnapshotError("at last"))

    ref = start(network=ClientNetwork(lambda: Uncut(fetch)))
    threads = mailbox_of(ref)
    for number in range(3 * WORKERS):
        ref.tell(want(f"S{number}"))
    assert at_work.wait(PATIENCE)
    workers = threads.helpers
    ref.stop()
    leave.set()
    for worker in workers:
        worker.join(PATIENCE)
        assert not worker.is_alive()
    assert len(begun) == WORKERS


def test_a_start_leaves_weight_to_resyncs_and_both_to_the_refreshes_last(start, server, want, told):
    allowance = in_a_minute(100)
    # Known from before: nobody else is there.
    allowance.note_answer(0, None, time.monotonic(), time.monotonic())
    ref = start(allowance=allowance)
    for kind in (Priority.REFRESH, Priority.NEW, Priority.RESYNC):
        for number in range(30):
            ref.tell(want(f"{kind.name}{number}", kind))
        until(lambda: ref.ask(Status(), timeout=5).under_way == 0)
    # Of 97: refreshes stop at 85, starts at 93, resyncs at the end; five at a time.
    served = [symbol.rstrip("0123456789") for symbol in asked_for(server)]
    assert (served.count("REFRESH"), served.count("NEW"), served.count("RESYNC")) == (17, 1, 1)


def test_the_status_tells_what_waits_and_for_how_long(start, server, want, told):
    ref = start(per_minute=100)
    for number in range(50):
        ref.tell(want(f"SYM{number}"))
    until(lambda: ref.ask(Status(), timeout=5).under_way == 0)
    row = ref.ask(Status(), timeout=5)
    assert row.waiting + row.fetched == 50
    # 93 a minute: what is left takes the rest of this minute and one or two more.
    minutes = -(-row.waiting * WEIGHT // 93)
    assert abs(row.estimate - (minutes * 60 - SECOND)) < 2
    assert (row.allowed_weight, row.limited) == (100, 0)


def test_an_urgent_request_does_not_sleep_behind_an_earlier_alarm(start, server, want, told):
    class Strict:
        """Refreshes wait for a minute, the rest for a moment."""

        level, estimate, block_requests = Allowance(100, 300).level, lambda *_: 0.0, lambda *_: None

        def __init__(self):
            self.asked = 0

        def take_weight(self, _weight, reserve):
            self.asked += 1
            return 60.0 if reserve else 0.2 if self.asked < 4 else 0.0

        def note_answer(self, *_):
            pass

    ref = start(allowance=Strict())
    ref.tell(want("LATER", Priority.REFRESH))
    ref.tell(want("NOW", Priority.RESYNC))
    told.wait(SnapshotArrived, timeout=5)
    assert asked_for(server) == ["NOW"]
