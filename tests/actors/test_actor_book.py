"""The book actor, driven by messages: from raw frames to a book that is right, and to those who listen."""

import threading
import time

import pytest
from actor_support import Actors, BookScene, Host, Recorder, frame, until

from depthactors.actors import book
from depthactors.actors.messages import (
    Best,
    BookEvent,
    ChildFailed,
    Deepen,
    DepthTo,
    FramesLost,
    Full,
    Listener,
    SnapshotDelayed,
    SnapshotFailed,
    SnapshotsAt,
    SnapshotWanted,
    StreamDown,
    StreamSilent,
    StreamUp,
    Top,
)
from depthactors.book import BookState
from depthactors.errors import (
    AuditError,
    ExchangeError,
    MalformedFrameError,
    SilentStreamError,
    SlowCallbackError,
    SnapshotError,
    StreamError,
    UsageError,
)
from depthactors.pacing import Backoff
from depthactors.sync import Priority

LIVE, STALE, SYNCING, FAILED = BookState.LIVE, BookState.STALE, BookState.SYNCING, BookState.FAILED
CUT = StreamError("cut")
GARBAGE = b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"}}'


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """Most scenes begin without a diff, and need not wait for one as long as programs do."""
    monkeypatch.setattr(book, "_FIRST_DIFF_PATIENCE", 0.02)


@pytest.fixture
def actors():
    with Actors() as actors:
        yield actors


@pytest.fixture
def scene(actors):
    return BookScene(actors)


@pytest.fixture
def live(scene):
    scene.go_live()
    return scene


def changes(scene):
    """Return the changes of state that the listener heard of."""
    return [(each.previous, each.state) for each in list(scene.events.seen) if each.previous is not each.state]


def test_a_stream_a_snapshot_and_what_was_buffered_make_a_live_book(scene):
    scene.send(StreamUp(1))
    wanted = scene.request(1)
    assert (wanted.symbol, wanted.limit, wanted.epoch, wanted.priority) == ("BTCUSDT", 100, 1, Priority.NEW)
    assert wanted.ref == scene.ref
    scene.frames(frame(99, 101, bids=[["1099.00", "7.5"]]), frame(102, 103, asks=[["1101.00", "0.00"]]))
    assert (scene.settled().state, scene.updates.seen) == (SYNCING, []), "not called back before it is in sync"
    scene.arrive(last_id=100)
    assert scene.events.wait_one() == BookEvent("BTCUSDT", SYNCING, LIVE, None)
    assert scene.updates.wait() == [103]
    view = scene.ref.ask(Best(), timeout=5)
    assert (view.state, view.last_update_id) == (LIVE, 103)
    assert (view.best_bid, view.best_ask) == ((1099.0, 7.5), (1102.0, 1.0))


@pytest.mark.parametrize(
    ("question", "bids", "asks"),
    [(Top(3), 3, 3), (Best(), 1, 1), (Full(), 30, 30), (Top(1000), 30, 30)],
    ids=repr,
)
def test_questions_about_levels_are_answered_with_a_view(live, question, bids, asks):
    view = live.ref.ask(question, timeout=5)
    assert (view.symbol, view.state, len(view.bids), len(view.asks)) == ("BTCUSDT", LIVE, bids, asks)


def test_depth_to_a_price_is_the_levels_up_to_it(live):
    assert live.ref.ask(DepthTo("bid", 1097.0), timeout=5) == ((1099.0, 1.0), (1098.0, 1.0), (1097.0, 1.0))
    assert live.ref.ask(DepthTo("ask", 1101.5), timeout=5) == ((1101.0, 1.0),)


def test_the_status_tells_what_the_book_is(live):
    live.frames(frame(101, 105))
    row = live.settled()
    assert (row.symbol, row.market, row.state, row.last_update_id) == ("BTCUSDT", "spot", LIVE, 105)
    assert (row.trusted_bids, row.trusted_asks, row.waiting_frames, row.restarts) == (30, 30, 0, 0)
    assert (row.counters.diffs, row.counters.applied, row.counters.snapshots) == (1, 1, 1)


def test_what_is_no_question_is_refused_and_the_book_lives_on(live):
    with pytest.raises(UsageError, match="expected a question to a book"):
        live.ref.ask("price?", timeout=5)
    live.frames(frame(101, 101))
    assert live.updates.wait(count=2) == [100, 101]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (lambda scene: scene.frames(GARBAGE), MalformedFrameError),
        (lambda scene: scene.frames(b"{"), MalformedFrameError),
        (lambda scene: scene.frames(frame(101, 101, symbol="ETHUSDT")), MalformedFrameError),
        (lambda scene: scene.frames(frame(101, 101, bids=[["-1", "1"]])), MalformedFrameError),
        (lambda scene: scene.frames(frame(103, 103)), ExchangeError),
        (lambda scene: scene.send(FramesLost(1, 3)), ExchangeError),
    ],
    ids=["keys missing", "no JSON", "another symbol", "negative price", "a gap", "frames lost"],
)
def test_a_broken_chain_is_told_once_and_mended_with_a_new_snapshot(live, fault, kind):
    fault(live)
    assert live.settled().state is STALE
    broken = [event for event in live.events.seen if event.error is not None]
    assert [type(event.error) for event in broken] == [kind], "one error, one word"
    assert (broken[0].previous, broken[0].state) == (LIVE, STALE)
    view = live.cell.view(5, float)
    assert (view.state, view.last_update_id) == (STALE, 100), "the last good book stays readable"
    wanted = live.request(2)
    assert (wanted.priority, wanted.epoch) == (Priority.RESYNC, 1)
    live.arrive(last_id=110)
    live.frames(frame(111, 111))
    live.updates.wait(matches=lambda last_id: last_id == 111)
    # Where the stream was heard since, the snapshot is believed when the stream meets it.
    assert live.updates.seen in ([100, 110, 111], [100, 111])
    assert changes(live) == [(SYNCING, LIVE), (LIVE, STALE), (STALE, LIVE)]
    assert live.settled().counters.resyncs == 1


def test_the_event_that_showed_a_gap_is_kept_for_the_new_book(live):
    live.frames(frame(105, 106, bids=[["1099.00", "3.5"]]))
    live.request(2)
    live.arrive(last_id=104)
    assert live.updates.wait(count=2) == [100, 106]
    assert live.ref.ask(Best(), timeout=5).best_bid == (1099.0, 3.5)


def test_a_snapshot_older_than_the_buffer_is_asked_for_again_and_the_buffer_kept(scene):
    scene.send(StreamUp(1))
    scene.request(1)
    scene.frames(frame(150, 151), frame(152, 160))
    scene.arrive(last_id=100)
    scene.request(2)
    assert scene.settled().counters.snapshots_too_old == 1
    scene.arrive(last_id=151)
    assert scene.updates.wait() == [160]


def test_a_lost_stream_makes_the_book_stale_and_the_next_one_mends_it(live):
    live.send(StreamDown(1, CUT))
    live.frames(frame(101, 101))
    assert live.events.wait_one(matches=lambda event: event.state is STALE) == BookEvent("BTCUSDT", LIVE, STALE, CUT)
    row = live.settled()
    assert (row.last_update_id, row.counters.late) == (100, 1), "what comes of an old connection is dropped"
    live.send(StreamUp(2))
    assert (live.request(2).epoch, live.request(2).priority) == (2, Priority.RESYNC)
    live.arrive(epoch=1, last_id=120)
    assert live.settled().state is STALE, "a snapshot for the old connection is dropped too"
    live.arrive(epoch=2, last_id=130)
    assert live.updates.wait(count=2) == [100, 130]
    assert [event.error for event in live.events.seen if event.error] == [CUT]


def test_a_stream_that_cannot_be_had_is_told_before_the_first_book_too(scene):
    scene.send(StreamDown(1, CUT))
    assert scene.events.wait_one() == BookEvent("BTCUSDT", SYNCING, SYNCING, CUT)


@pytest.mark.parametrize("message", [SnapshotFailed, SnapshotDelayed])
def test_why_there_is_no_snapshot_is_told_once_until_one_comes(scene, message):
    error = SnapshotError("500", status=500)
    scene.send(StreamUp(1))
    scene.request(1)
    scene.send(message(1, error))
    scene.send(message(1, error))
    if message is SnapshotFailed:
        scene.request(2)
    scene.arrive()
    scene.updates.wait()
    assert scene.events.seen == [
        BookEvent("BTCUSDT", SYNCING, SYNCING, error),
        BookEvent("BTCUSDT", SYNCING, LIVE, None),
    ]


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_raising_callback_is_counted_and_harms_nobody(actors, kind):
    def broken(_anything):
        raise kind

    host = actors.start(Host)
    scene = BookScene(actors)
    scene.listen(broken, broken)
    last, last_events = Recorder(), Recorder()
    scene.listen(last, last_events)
    scene.go_live()
    scene.frames(frame(101, 101), frame(102, 102))
    assert last.wait(count=3) == [100, 101, 102]
    assert len(last_events.wait()) == 1
    row = scene.settled()
    assert (row.state, row.counters.callback_errors) == (LIVE, 4)
    assert scene.reported.of(ChildFailed) == []
    assert host.ask("alive", timeout=5) == "alive"


@pytest.mark.parametrize("a_read", [1, 500], ids=["a frame a read", "500 frames a read"])
def test_a_slow_callback_is_called_for_the_latest_when_many_frames_wait(live, a_read):
    entered, leave, total = threading.Event(), threading.Event(), 1500
    calls = Recorder()

    def slow(last_id):
        calls(last_id)
        entered.set()
        leave.wait(10)

    live.listen(slow)
    assert entered.wait(10)
    for first in range(101, 101 + total, a_read):
        live.frames(*[frame(number, number) for number in range(first, first + a_read)], age=5.0)
    leave.set()
    calls.wait(matches=lambda last_id: last_id == 100 + total)
    row = live.settled()
    assert (row.state, row.last_update_id, row.counters.applied, row.counters.lost_frames) == (
        LIVE,
        100 + total,
        total,
        0,
    )
    assert calls.seen == sorted(calls.seen)
    assert len(calls.seen) < total / 2
    assert len(calls.seen) - 1 + row.counters.coalesced == total, "an update is either told or counted"
    told = [event.error for event in live.events.seen if event.error is not None]
    assert [type(error) for error in told] == [SlowCallbackError]


def test_a_listener_that_comes_late_to_a_quiet_book_is_called_at_once(live):
    late = Recorder()
    live.listen(late)
    assert late.wait() == [100]
    live.frames(frame(101, 101))
    assert late.wait(count=2) == [100, 101]


def test_a_removed_listener_hears_nothing_more_and_the_others_do(live):
    gone, stays = Recorder(), Recorder()
    listener = live.listen(gone, gone)
    live.listen(stays)
    live.cell.remove(listener)
    stays.wait()
    live.settled()
    live.frames(frame(101, 101))
    assert stays.wait(count=2) == [100, 101]
    assert gone.seen == [100]


def test_a_listener_that_was_promised_more_is_not_called_before_the_book_promises_it(live):
    deeper = Recorder()
    live.cell.add(Listener(lambda book: deeper(book.depth), None, depth=11))
    live.frames(frame(101, 101))
    live.settled()
    assert deeper.seen == []
    live.send(Deepen(11))
    live.frames(frame(102, 102))
    assert deeper.wait(count=1)[0] == 11


def test_deepening_beyond_what_is_vouched_for_fetches_more(actors):
    scene = BookScene(actors)
    scene.go_live(levels=30, limit=30)
    scene.ref.tell(Deepen(25))
    assert scene.settled().state is LIVE
    scene.ref.tell(Deepen(200))
    assert scene.events.wait_one(matches=lambda event: event.state is STALE).previous is LIVE
    urgent = scene.requests.wait_one(SnapshotWanted, matches=lambda request: request.priority is Priority.RESYNC)
    assert urgent.limit == 500
    scene.arrive(last_id=100, levels=300, limit=300)
    until(lambda: scene.settled().state is LIVE)
    assert len(scene.ref.ask(Top(200), timeout=5).bids) == 200


def test_a_refresh_swaps_without_a_stale_moment_and_compares(actors):
    scene = BookScene(actors, refresh_interval=0.1)
    scene.go_live()
    assert scene.request(2).priority is Priority.REFRESH
    scene.arrive()
    until(lambda: scene.settled().counters.audits == 1)
    assert changes(scene) == [(SYNCING, LIVE)]
    assert scene.settled().counters.audit_differences == 0
    assert [event.error for event in scene.events.seen] == [None]


def test_a_refresh_that_differs_is_told_and_the_book_made_anew(actors):
    scene = BookScene(actors, refresh_interval=0.1)
    scene.go_live()
    scene.request(2)
    scene.arrive(quantity="2.0")
    stale = scene.events.wait_one(matches=lambda event: event.state is STALE)
    assert type(stale.error) is AuditError
    assert (scene.settled().counters.audits, scene.settled().counters.audit_differences) == (1, 60)
    assert scene.requests.wait_one(matches=lambda request: request.priority is Priority.RESYNC)
    scene.arrive(quantity="2.0")
    until(lambda: scene.settled().state is LIVE)
    assert len([event for event in scene.events.seen if event.error is not None]) == 1, "one error, one word"


def test_a_new_snapshot_actor_is_asked_for_what_is_unanswered(actors, scene):
    scene.send(StreamUp(1))
    scene.request(1)
    other, asked = actors.probe()
    scene.ref.tell(SnapshotsAt(other))
    assert asked.wait_one(SnapshotWanted).priority is Priority.NEW
    scene.arrive()
    scene.updates.wait()
    scene.ref.tell(SnapshotsAt(other))
    scene.settled()
    assert len(asked.seen) == 1, "nothing is wanted any more"


@pytest.mark.parametrize("cause", ["the stream is new", "a frame was lost"])
def test_a_snapshot_is_asked_for_when_the_first_diff_has_come(scene, monkeypatch, cause):
    requests = 1
    if cause == "a frame was lost":
        scene.go_live()
        requests = 2
    monkeypatch.setattr(book, "_FIRST_DIFF_PATIENCE", 30.0)
    scene.send(StreamUp(1) if requests == 1 else FramesLost(1, 3))
    assert scene.settled().counters.snapshots == requests - 1
    assert len(scene.requests.seen) == requests - 1
    scene.frames(frame(150, 151))
    scene.request(requests)


def test_a_quiet_book_gets_its_snapshot_without_a_diff(scene):
    scene.send(StreamUp(1))
    scene.request(1)
    scene.arrive()
    assert scene.events.wait_one().state is LIVE


def test_a_snapshot_whose_levels_are_used_up_within_the_minute_is_followed_by_a_wider_one(live_of_a_hundred):
    scene = live_of_a_hundred
    gone = [[f"{1099 - number}.00", "0.00"] for number in range(60)]
    scene.frames(frame(101, 160, bids=gone))
    wanted = scene.request(2)
    assert (wanted.limit, wanted.priority) == (500, Priority.REFRESH)
    scene.arrive(last_id=160, levels=500, limit=500, best_bid=1039.0)
    until(lambda: scene.settled().counters.refreshes == 1)
    assert changes(scene) == [(SYNCING, LIVE)]


def test_a_snapshot_that_lasted_is_followed_by_one_as_wide(live_of_a_hundred, monkeypatch):
    monkeypatch.setattr(book, "_SNAPSHOT_SHOULD_LAST", 0.0)
    gone = [[f"{1099 - number}.00", "0.00"] for number in range(60)]
    live_of_a_hundred.frames(frame(101, 160, bids=gone))
    assert live_of_a_hundred.request(2).limit == 100


@pytest.fixture
def live_of_a_hundred(actors):
    scene = BookScene(actors)
    scene.go_live(levels=100, limit=100)
    return scene


def test_requests_that_were_of_use_do_not_make_later_ones_wait_long(actors, monkeypatch):
    monkeypatch.setattr(book, "_SNAPSHOT_BACKOFF", Backoff(first=0.02, factor=4.0, cap=30.0))
    scene = BookScene(actors, refresh_interval=0.05)
    scene.go_live()
    for number in range(2, 8):
        scene.request(number)
        scene.arrive()
        until(lambda number=number: scene.settled().counters.refreshes >= number - 1)


def test_a_stream_that_was_quiet_for_long_is_asked_about_ever_more_seldom(actors, monkeypatch):
    monkeypatch.setattr(book, "_QUIET_LIMIT", 0.1)
    monkeypatch.setattr(book, "_REQUESTS_IN_A_ROW", 0.0)
    scene = BookScene(actors)
    scene.go_live()
    begun, times = time.monotonic(), []
    for number in range(2, 5):
        assert scene.request(number).priority is Priority.REFRESH
        times.append(time.monotonic() - begun)
        scene.arrive()
        until(lambda number=number: scene.settled().counters.audits == number - 1)
    assert changes(scene) == [(SYNCING, LIVE)], "quiet is not stale"
    assert times[2] - times[1] > 1.5 * (times[1] - times[0])


def test_a_stream_that_brings_something_is_not_asked_about(actors, monkeypatch):
    monkeypatch.setattr(book, "_QUIET_LIMIT", 0.2)
    scene = BookScene(actors)
    scene.go_live()
    pause = threading.Event()
    for number in range(101, 121):
        scene.frames(frame(number, number))
        pause.wait(0.03)
    assert len(scene.requests.of(SnapshotWanted)) == 1


def test_a_stream_that_brings_nothing_though_the_book_moves_is_told_to_the_supervisor(actors, monkeypatch):
    monkeypatch.setattr(book, "_QUIET_LIMIT", 0.1)
    monkeypatch.setattr(book, "_AHEAD_DEADLINE", 0.1)
    scene = BookScene(actors)
    scene.go_live()
    scene.request(2)
    scene.arrive(last_id=200, quantity="7.0")
    silent = scene.reported.wait_one(StreamSilent)
    assert (silent.cell, type(silent.error)) == (scene.cell, SilentStreamError)
    stale = scene.events.wait_one(matches=lambda event: event.state is STALE)
    assert type(stale.error) is SilentStreamError
    scene.requests.wait_one(matches=lambda request: request.priority is Priority.RESYNC)
    scene.arrive(last_id=210, quantity="7.0")
    until(lambda: scene.settled().counters.snapshots == 3)
    assert scene.settled().state is STALE, "not live until the stream brings something"
    scene.frames(frame(211, 211))
    until(lambda: scene.settled().state is LIVE)


def test_a_handover_is_no_news_to_listeners(scene):
    scene.go_live()
    scene.send(StreamUp(2, 1))
    scene.frames(frame(101, 101), epoch=2)
    scene.frames(frame(101, 101), epoch=1)
    scene.frames(frame(102, 102), epoch=2)
    scene.send(StreamDown(1, StreamError("handed over")))
    scene.frames(frame(103, 103), epoch=2)
    scene.updates.wait(matches=lambda last_id: last_id == 103)
    assert scene.updates.seen == [100, 101, 102, 103]
    assert changes(scene) == [(SYNCING, LIVE)]
    assert [event.error for event in scene.events.seen] == [None]
    counters = scene.settled().counters
    assert (counters.handovers, counters.gaps, counters.resyncs, counters.overlapped) == (1, 0, 0, 2)


def test_a_snapshot_of_another_book_is_told_and_not_believed(scene, monkeypatch):
    monkeypatch.setattr(book, "_AHEAD_DEADLINE", 0.1)
    scene.send(StreamUp(1))
    scene.frames(frame(1, 1))
    scene.request(1)
    scene.arrive(last_id=10**9)
    scene.frames(frame(2, 2))
    error = scene.events.wait_one(matches=lambda event: event.error is not None).error
    assert "1000000000" in str(error)
    assert scene.settled().state is SYNCING
    scene.request(2)
