"""The book actor, driven by messages: from raw frames to a correct book and its listeners."""

from functools import partial

import pytest

from depthactors.actors import book as book_module
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_messages import Dropped, FramesLost, GiveUp, StreamDown, StreamUp
from depthactors.actors.questions import Best, DepthTo, Full, Top
from depthactors.actors.snapshot_messages import SnapshotDelayed, SnapshotFailed
from depthactors.actors.supervisor_messages import BookGivenUp, StreamSilent
from depthactors.book import BookState
from depthactors.errors import (
    AuditError,
    BacklogError,
    BookIntegrityError,
    EscalatedError,
    ExchangeError,
    MalformedFrameError,
    SilentStreamError,
    SnapshotError,
    StreamError,
    UnknownSymbolError,
    UsageError,
)
from depthactors.sync import Priority
from tests.actors.actor_support import BookScene, frame, usual
from tests.support import PATIENCE, until

LIVE, STALE, SYNCING, FAILED = BookState.LIVE, BookState.STALE, BookState.SYNCING, BookState.FAILED
CUT = StreamError("cut")
GARBAGE = b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"}}'


def test_a_stream_a_snapshot_and_buffered_diffs_make_a_live_book(scene):
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


def test_the_status_describes_the_book(live):
    live.frames(frame(101, 105))
    row = live.settled()
    assert (row.symbol, row.market, row.state, row.last_update_id) == ("BTCUSDT", "spot", LIVE, 105)
    assert (row.trusted_bids, row.trusted_asks, row.waiting_frames, row.restarts) == (30, 30, 0, 0)
    assert (row.counters.diffs, row.counters.applied, row.counters.snapshots) == (1, 1, 1)
    assert 0.0 <= row.age < PATIENCE


@pytest.mark.parametrize("loss", [FramesLost(1, 3), Dropped(3, BacklogError("too much waits"))], ids=type)
def test_lost_frames_are_counted(live, loss):
    live.ref.tell(loss)
    counters = live.settled().counters
    assert (counters.lost_frames, counters.drops) == (3, isinstance(loss, Dropped))


def test_another_message_is_refused_and_the_book_lives_on(live):
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
        (lambda scene: scene.ref.tell(Dropped(3, BacklogError("too much waits"))), BacklogError),
    ],
    ids=["keys missing", "no JSON", "another symbol", "negative price", "a gap", "frames lost", "frames dropped"],
)
def test_a_broken_chain_is_reported_once_and_repaired_with_a_new_snapshot(live, fault, kind):
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
    assert live.changes() == [(SYNCING, LIVE), (LIVE, STALE), (STALE, LIVE)]
    assert live.settled().counters.resyncs == 1


def test_a_snapshot_that_does_not_fit_is_a_notice_until_one_fits(scene, monkeypatch):
    said, causes = [], []

    def say(name, cause, words, *arguments):
        causes.append(cause)
        said.append((name, words % arguments))

    for name in ("notice", "over"):
        monkeypatch.setattr(book_module.logger, name, partial(say, name))
    scene.send(StreamUp(1))
    scene.request(1)
    scene.arrive(best_bid=1200.0)
    scene.request(2)
    assert isinstance(scene.events.wait_one().error, BookIntegrityError)
    assert isinstance(scene.cell.error, BookIntegrityError), "who waits for the book is given the reason"
    scene.arrive()
    until(lambda: scene.settled().state is LIVE)
    (notice, words), *later = said
    assert (notice, words.startswith("BTCUSDT (spot): no snapshot that fits, ")) == ("notice", True)
    assert "bid <= ask" in words
    assert later == [("over", "BTCUSDT (spot): a snapshot fits")]
    assert causes == [("refused", scene.cell.spec.market.rest_url)] * 2, "that of all books of the server"


def test_the_event_that_showed_a_gap_is_kept_for_the_new_book(live):
    live.frames(frame(105, 106, bids=[["1099.00", "3.5"]]))
    live.request(2)
    live.arrive(last_id=104)
    assert live.updates.wait(count=2) == [100, 106]
    assert live.ref.ask(Best(), timeout=5).best_bid == (1099.0, 3.5)


def test_a_book_with_a_stream_that_is_answered_to_be_unknown_once_reports_it_and_asks_again(actors):
    scene, error = BookScene(actors, refresh_interval=0.1), UnknownSymbolError("BTCUSDT")
    scene.go_live()
    scene.frames(frame(101, 101))
    assert scene.request(2).priority is Priority.REFRESH
    scene.send(SnapshotFailed(1, error))
    assert scene.events.wait_one(matches=lambda event: event.error is error).state is LIVE
    scene.request(3)
    scene.arrive(last_id=101)
    until(lambda: scene.settled().counters.refreshes == 1)
    assert scene.changes() == [(SYNCING, LIVE)]
    assert not scene.reported.of(BookGivenUp)


def test_a_lost_stream_makes_the_book_stale_and_the_next_one_makes_it_live(live):
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


def test_a_stream_that_cannot_be_opened_is_reported_before_the_first_book_too(scene):
    scene.send(StreamDown(1, CUT))
    assert scene.events.wait_one() == BookEvent("BTCUSDT", SYNCING, SYNCING, CUT)


@pytest.mark.parametrize("message", [SnapshotFailed, SnapshotDelayed])
def test_the_reason_why_there_is_no_snapshot_is_reported_once_until_one_arrives(scene, message):
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


def test_a_refresh_swaps_without_a_stale_moment_and_compares(actors):
    scene = BookScene(actors, refresh_interval=0.1)
    scene.go_live()
    assert scene.request(2).priority is Priority.REFRESH
    scene.arrive()
    until(lambda: scene.settled().counters.audits == 1)
    assert scene.changes() == [(SYNCING, LIVE)]
    assert scene.settled().counters.audit_differences == 0
    assert [event.error for event in scene.events.seen] == [None]


def test_a_refresh_that_differs_is_reported_and_the_book_begins_anew(actors):
    scene = BookScene(actors, refresh_interval=0.1)
    scene.go_live()
    scene.request(2)
    scene.arrive(quantity=2.0)
    stale = scene.events.wait_one(matches=lambda event: event.state is STALE)
    assert type(stale.error) is AuditError
    assert (scene.settled().counters.audits, scene.settled().counters.audit_differences) == (1, 60)
    assert scene.requests.wait_one(matches=lambda request: request.priority is Priority.RESYNC)
    scene.arrive(quantity=2.0)
    # It is not what was believed before, so the stream has to agree.
    scene.frames(frame(101, 101))
    until(lambda: scene.settled().state is LIVE)
    assert len([event for event in scene.events.seen if event.error is not None]) == 1, "one error, one word"


def test_a_silent_stream_is_checked_with_a_snapshot_and_a_quiet_book_stays_live(actors):
    scene = BookScene(actors, timing=usual(quiet_limit=0.1))
    scene.go_live()
    assert scene.request(2).priority is Priority.REFRESH
    scene.arrive()
    until(lambda: scene.settled().counters.audits == 1)
    assert scene.changes() == [(SYNCING, LIVE)]


def test_a_failed_book_does_not_report_the_end_of_its_stream(actors):
    scene, failure = BookScene(actors), EscalatedError("given up")
    scene.ref.tell(GiveUp(failure))
    scene.send(StreamDown(1, CUT))
    assert scene.settled().state is FAILED
    assert scene.events.seen == [BookEvent("BTCUSDT", SYNCING, FAILED, failure)]
    assert scene.cell.error is failure


def test_the_error_of_a_book_is_set_before_its_state(actors, monkeypatch):
    scene, seen = BookScene(actors), []
    publish = scene.cell.publish
    monkeypatch.setattr(
        scene.cell, "publish", lambda book, state: (seen.append((state, scene.cell.error)), publish(book, state))
    )
    error = UnknownSymbolError("BTCUSDT")
    scene.send(StreamUp(1))
    scene.request(1)
    scene.send(SnapshotFailed(1, SnapshotError("500")))
    scene.send(SnapshotFailed(1, error))
    scene.reported.wait_one(BookGivenUp)
    assert seen[-1] == (FAILED, error)


def test_an_epoch_is_known_by_its_value(scene):
    # Equal numbers are one object only while they are small.
    scene.send(StreamUp(1_000_000))
    assert scene.request(1).epoch == 1_000_000
    scene.send(SnapshotFailed(int("1000000"), SnapshotError("500")))
    scene.request(2)
    scene.frames(frame(99, 101), epoch=int("1000000"))
    scene.arrive(epoch=int("1000000"), last_id=100)
    assert scene.updates.wait() == [101]


def test_a_stream_that_is_silent_while_the_book_changes_is_reported_to_the_supervisor(actors):
    scene = BookScene(actors, timing=usual(quiet_limit=0.1, ahead_deadline=0.1))
    scene.go_live()
    scene.request(2)
    scene.arrive(last_id=200, quantity=7.0)
    silent = scene.reported.wait_one(StreamSilent)
    assert (silent.cell, type(silent.error)) == (scene.cell, SilentStreamError)
    stale = scene.events.wait_one(matches=lambda event: event.state is STALE)
    assert type(stale.error) is SilentStreamError
    scene.requests.wait_one(matches=lambda request: request.priority is Priority.RESYNC)
    scene.arrive(last_id=210, quantity=7.0)
    until(lambda: scene.settled().counters.snapshots == 3)
    assert scene.settled().state is STALE, "not live until the stream brings something"
    scene.frames(frame(211, 211))
    until(lambda: scene.settled().state is LIVE)


def test_listeners_do_not_notice_a_handover(scene):
    scene.go_live()
    scene.send(StreamUp(2, 1))
    scene.frames(frame(101, 101), epoch=2)
    scene.frames(frame(101, 101), epoch=1)
    scene.frames(frame(102, 102), epoch=2)
    scene.send(StreamDown(1, StreamError("handed over")))
    scene.frames(frame(103, 103), epoch=2)
    scene.updates.wait(matches=lambda last_id: last_id == 103)
    assert scene.updates.seen == [100, 101, 102, 103]
    assert scene.changes() == [(SYNCING, LIVE)]
    assert [event.error for event in scene.events.seen] == [None]
    counters = scene.settled().counters
    assert (counters.handovers, counters.gaps, counters.resyncs, counters.overlapped) == (1, 0, 0, 2)


def test_a_snapshot_of_another_book_is_reported_and_not_used(scene):
    scene.set_timing(ahead_deadline=0.1)
    scene.send(StreamUp(1))
    scene.frames(frame(1, 1))
    scene.request(1)
    scene.arrive(last_id=10**9)
    scene.frames(frame(2, 2))
    error = scene.events.wait_one(matches=lambda event: event.error is not None).error
    assert "1000000000" in str(error)
    assert scene.settled().state is SYNCING
    scene.request(2)


@pytest.mark.parametrize(
    "moved_again",
    [pytest.param(False, id="it is quiet"), pytest.param(True, id="its stream is not served", marks=pytest.mark.proof)],
)
def test_a_quiet_book_that_changed_during_an_outage_is_checked_again_soon(scene, moved_again):
    scene.go_live()
    scene.set_timing(ahead_deadline=0.1)
    scene.send(StreamDown(1, StreamError("gone")))
    scene.send(StreamUp(2))
    scene.request(2)
    scene.arrive(epoch=2, last_id=105, quantity=2.0)
    assert scene.settled().state is STALE
    scene.request(3)
    if not moved_again:
        scene.arrive(epoch=2, last_id=105, quantity=2.0)
        until(lambda: scene.settled().state is LIVE)
        return
    scene.arrive(epoch=2, last_id=109, quantity=3.0)
    scene.reported.wait_one(StreamSilent)
    # Once a connection: what is never served costs no more than a silence does.
    scene.request(4)
    scene.arrive(epoch=2, last_id=109, quantity=3.0)
    assert scene.settled().state is STALE
