"""A book's requests for snapshots: at the right time, for as many levels as are needed, and no flood."""

from types import SimpleNamespace

import pytest

from depthactors.actors import snapshot_requests
from depthactors.actors.book_messages import Deepen, FramesLost, StreamDown, StreamUp
from depthactors.actors.questions import Top
from depthactors.actors.snapshot_messages import SnapshotFailed, SnapshotsAt, SnapshotWanted
from depthactors.actors.snapshot_requests import RequestDue, SnapshotRequests
from depthactors.book import BookState
from depthactors.dispatcher.mailbox import mailbox_of
from depthactors.errors import SnapshotError, StreamError
from depthactors.pacing import Backoff, Timing
from depthactors.sync import Priority, RequestSnapshot
from tests.actors.actor_support import BookScene, frame, spec, usual
from tests.support import until

LIVE, STALE, SYNCING, FAILED = BookState.LIVE, BookState.STALE, BookState.SYNCING, BookState.FAILED
AT_ONCE = Backoff(first=0.02, factor=1.0, cap=0.02)
NEVER = Backoff(first=600.0, factor=1.0, cap=600.0)


def test_a_snapshot_older_than_the_buffer_is_requested_again_and_the_buffer_kept(scene):
    scene.send(StreamUp(1))
    scene.request(1)
    scene.frames(frame(150, 151), frame(152, 160))
    scene.arrive(last_id=100)
    scene.request(2)
    assert scene.settled().counters.snapshots_too_old == 1
    scene.arrive(last_id=151)
    assert scene.updates.wait() == [160]


def test_deepening_beyond_the_trusted_levels_requests_more(actors):
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
    assert scene.cell.current[0].depth == 200, "the new book promises as much as the former one"


def test_a_new_snapshot_actor_gets_the_unanswered_request(actors, scene):
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
def test_a_snapshot_is_requested_when_the_first_diff_has_arrived(scene, cause):
    requests = 1
    if cause == "a frame was lost":
        scene.go_live()
        requests = 2
    scene.set_timing(snapshot_patience=30.0)
    scene.send(StreamUp(1) if requests == 1 else FramesLost(1, 3))
    assert scene.settled().counters.snapshots == requests - 1
    assert len(scene.requests.seen) == requests - 1
    scene.frames(frame(150, 151))
    scene.request(requests)


def test_the_diffs_after_the_first_request_nothing(scene):
    scene.set_timing(snapshot_patience=30.0)
    scene.send(StreamUp(1))
    scene.frames(frame(150, 151))
    scene.request(1)
    waits = waits_of(scene)
    for number in range(3):
        scene.frames(frame(152 + number, 152 + number))
    assert (scene.settled().counters.diffs, waits, len(scene.requests.seen)) == (4, [], 1)


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
    assert scene.changes() == [(SYNCING, LIVE)]


def test_a_snapshot_that_lasted_is_followed_by_one_as_wide(live_of_a_hundred):
    live_of_a_hundred.set_timing(snapshot_life=0.0)
    gone = [[f"{1099 - number}.00", "0.00"] for number in range(60)]
    live_of_a_hundred.frames(frame(101, 160, bids=gone))
    assert live_of_a_hundred.request(2).limit == 100


@pytest.fixture
def live_of_a_hundred(actors):
    scene = BookScene(actors)
    scene.go_live(levels=100, limit=100)
    return scene


def test_a_stream_that_comes_and_goes_makes_no_book_wait_that_sent_no_request(actors):
    scene = BookScene(actors, timing=usual(snapshot_backoff=Backoff(first=0.3, factor=2.0, cap=60.0)))
    scene.go_live()
    asked = len(scene.requests.seen)
    for epoch in range(2, 12):
        scene.send(StreamDown(epoch - 1, StreamError("gone")))
        scene.send(StreamUp(epoch))
        scene.frames(frame(200, 201), epoch=epoch)
    assert scene.request(asked + 1).epoch == 11


def test_useful_requests_do_not_make_later_ones_wait_long(actors):
    scene = BookScene(
        actors, timing=usual(snapshot_backoff=Backoff(first=0.02, factor=4.0, cap=30.0)), refresh_interval=0.05
    )
    scene.go_live()
    for number in range(2, 8):
        scene.request(number)
        scene.arrive()
        until(lambda number=number: scene.settled().counters.refreshes >= number - 1)


def test_an_exchange_that_grants_too_few_levels_is_asked_ever_more_seldom_and_for_no_more(actors):
    scene = BookScene(actors, timing=usual(short_backoff=Backoff(first=0.01, factor=3.0, cap=60.0)), depth=20)
    waits = waits_of(scene)
    scene.send(StreamUp(1))
    for number in range(1, 5):
        assert scene.request(number).limit == 100
        # Another cap each time, and the book does not change: none of it is all there is.
        scene.arrive(levels=6 + number, limit=100)
    row = scene.settled()
    assert (row.state, row.trusted_bids, row.counters.snapshots) == (STALE, 10, 4)
    assert "of 100 levels asked for the exchange granted 7 and 7" in row.error
    assert not scene.updates.seen
    assert waits[-3] < waits[-2] < waits[-1]


def waits_of(scene):
    """Return the waits before requests, from now on; the deadline of a sent one is none."""
    waits, mailbox = [], mailbox_of(scene.ref)
    after, deadline = mailbox.after, scene.cell.timing.snapshot_deadline

    def set_timer(seconds, message):
        if isinstance(message, RequestDue) and seconds < deadline:
            waits.append(seconds)
        after(seconds, message)

    mailbox.after = set_timer
    return waits


@pytest.mark.parametrize("cause", ["a frame was lost", "the stream is new"])
def test_a_book_that_waits_because_of_a_cap_sends_a_request_at_once_when_it_begins_anew(actors, cause):
    scene, epoch = BookScene(actors, timing=usual(short_backoff=NEVER), depth=20), 1
    scene.send(StreamUp(1))
    scene.request(1)
    scene.arrive(levels=7, limit=100)
    assert scene.settled().state is STALE
    if cause == "the stream is new":
        scene.send(StreamDown(1, StreamError("gone")))
        epoch = 2
        scene.send(StreamUp(2))
    else:
        scene.send(FramesLost(1, 3))
    scene.frames(frame(150, 151), epoch=epoch)
    assert scene.request(2).priority is Priority.NEW


@pytest.fixture
def capped(actors):
    """A book that was granted fewer levels than it promises and has just asked again."""
    scene = BookScene(actors, timing=usual(short_backoff=AT_ONCE), depth=20)
    scene.send(StreamUp(1))
    scene.request(1)
    scene.arrive(levels=7, limit=100)
    scene.request(2)
    return scene


def test_a_failure_for_another_reason_does_not_wait_because_of_a_cap(capped):
    capped.arrive(levels=9, limit=100)
    capped.request(3)
    capped.set_timing(short_backoff=NEVER)
    for number in (4, 5):
        capped.ref.tell(SnapshotFailed(1, SnapshotError("an internal error", status=500)))
        capped.request(number)
    capped.arrive(levels=100, limit=100)
    until(lambda: capped.settled().state is LIVE)


def test_failures_after_a_reply_with_too_few_levels_make_the_next_request_wait_as_usual(capped):
    capped.set_timing(snapshot_backoff=Backoff(first=0.01, factor=3.0, cap=60.0))
    waits = waits_of(capped)
    for number in (3, 4, 5):
        capped.ref.tell(SnapshotFailed(1, SnapshotError("not now", status=400)))
        capped.request(number)
    assert waits[0] < waits[1] < waits[2]


def test_a_book_of_few_levels_is_live_when_further_replies_agree(actors):
    scene = BookScene(actors, depth=20)
    scene.send(StreamUp(1))
    for number in range(1, 5):
        scene.request(number)
        scene.arrive(levels=7, limit=100)
    assert scene.updates.wait() == [100]
    view = scene.ref.ask(Top(20), timeout=5)
    assert (view.state, len(view.bids), len(view.asks)) == (LIVE, 7, 7)
    assert len(scene.requests.of(SnapshotWanted)) == 4


def test_replies_with_few_levels_are_compared_soon_after_any_number_of_requests(actors):
    timing = usual(snapshot_backoff=AT_ONCE, short_backoff=Backoff(first=0.02, factor=6.0, cap=600.0))
    scene = BookScene(actors, timing=timing, depth=20)
    scene.send(StreamUp(1))
    scene.frames(frame(150, 151))
    for number in range(1, 7):
        scene.request(number)
        scene.arrive(last_id=100)
    # By the number of requests it would be minutes.
    for number in range(7, 10):
        scene.request(number)
        scene.arrive(last_id=151, levels=7, limit=100)


class Planner:
    """Requests without an actor or a clock: it records what is sent and for when the timer is set."""

    def __init__(self, monkeypatch, **options):
        self.now, self.waits, self.timers, self.sent = 100.0, [], [], []
        monkeypatch.setattr(snapshot_requests, "tell", lambda _ref, message: self.sent.append(message))
        self.sync = SimpleNamespace(
            in_sequence=True,
            granted_less=False,
            buffered=0,
            agreements=None,
            book=None,
            request_again=lambda: RequestSnapshot(1, Priority.REFRESH),
        )
        cell = SimpleNamespace(spec=spec(depth=100, **options), timing=Timing())
        mailbox = SimpleNamespace(after=self._set_timer, now=lambda: self.now, random=lambda: 0.0)
        self.requests = SnapshotRequests(cell, self.sync, mailbox, None, None)

    def _set_timer(self, seconds, message):
        self.waits.append(seconds)
        self.timers.append(message)

    def base(self, *, spare=0, sound=True):
        """Let the book be of a new snapshot."""
        self.sync.book = SimpleNamespace(spare=spare, sound=sound)


@pytest.fixture
def planner(monkeypatch):
    return Planner(monkeypatch)


def test_a_book_that_loses_its_levels_sends_a_request_at_once_and_a_refresh_waits_for_the_stream(planner):
    planner.requests.plan(Priority.RESYNC, again=False)
    planner.requests.plan(Priority.REFRESH, again=False)
    assert planner.waits == [0.0, Timing().snapshot_patience + 0.1]


def test_a_refresh_is_wider_each_time_that_the_levels_were_used_up_soon_and_usual_again_after(planner):
    limits = []
    for spare, later in ((0, 1.0), (0, 1.0), (0, 1.0), (0, 61.0), (0, 1.0), (900, 1.0)):
        planner.requests.arrived()
        planner.now += later
        planner.base(spare=spare)
        planner.requests.plan(Priority.REFRESH, again=False)
        planner.requests.send()
        limits.append(planner.sent[-1].limit)
    usual_limit = spec(depth=100).market.snapshot_limit(100)
    assert limits[-1] == limits[3] == usual_limit
    assert usual_limit < limits[0] <= limits[1] <= limits[2] <= 1_000


def test_of_two_timers_the_later_setting_sends(planner):
    for _ in range(2):
        planner.requests.plan(Priority.REFRESH, again=False)
    earlier, later = planner.timers
    planner.requests.due(earlier.serial)
    assert planner.sent == []
    planner.requests.due(later.serial)
    assert len(planner.sent) == 1


def test_an_exchange_that_grants_fewer_levels_is_not_asked_for_more(planner):
    planner.requests.arrived()
    planner.base()
    planner.requests.plan(Priority.REFRESH, again=False)
    planner.sync.granted_less = True
    planner.requests.plan(Priority.REFRESH, again=False)
    planner.requests.send()
    assert planner.sent[-1].limit == spec(depth=100).market.snapshot_limit(100)


def test_snapshots_with_too_few_levels_make_requests_wait_longer_unless_they_agree(planner):
    planner.sync.granted_less = True
    short_waits = []
    for agreements in (None, None, None, 1):
        planner.sync.agreements = agreements
        planner.base(sound=False)
        planner.requests.plan(Priority.REFRESH, again=False)
        short_waits.append(planner.waits[-1])
        planner.requests.send()
    # One agreement counts like one more try.
    assert short_waits == [Timing().short_backoff.wait(0, number, 0.0) for number in (1, 2, 3, 2)]
    assert short_waits[0] < short_waits[1] < short_waits[2]


def test_a_book_that_begins_anew_while_it_waits_because_of_a_cap_waits_as_usual_after_a_request(planner):
    planner.requests.send()
    planner.sync.granted_less = True
    planner.base(sound=False)
    planner.requests.plan(Priority.REFRESH, again=False)
    planner.sync.granted_less, planner.sync.in_sequence, planner.sync.buffered = False, False, 1
    planner.requests.plan(Priority.NEW, again=False)
    usual_wait = planner.waits[-1]
    assert usual_wait > 0, "the request before was a moment ago"
    planner.now += usual_wait / 4
    planner.requests.plan(Priority.NEW, again=False)
    assert planner.waits[-1] == pytest.approx(usual_wait * 3 / 4), "the wait goes on"
    assert len(planner.sent) == 1


def test_requests_that_follow_each_other_soon_wait_ever_longer_and_the_first_after_a_pause_does_not(planner):
    planner.sync.in_sequence, planner.sync.buffered = False, 1
    backoff, waits = Timing().snapshot_backoff, []
    for later in (0.0, 0.0, 0.0, 0.0, Timing().snapshot_pause, 0.0):
        planner.now += later
        planner.requests.plan(Priority.NEW, again=False)
        if len(planner.sent) == len(waits):
            waits.append(planner.waits[-1])
            planner.now += waits[-1]
            planner.requests.send()
        else:
            waits.append(None)
    assert waits == [None, *(backoff.wait(0, number, 0.0) for number in (1, 2, 3)), None, backoff.wait(0, 1, 0.0)]
