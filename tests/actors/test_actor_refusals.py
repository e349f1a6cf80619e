"""Which stream of a refused request is to blame is found by halves, and asked for again after growing waits."""

from itertools import pairwise
from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from depthactors.actors.refusals import Refusals
from depthactors.errors import SubscriptionError
from depthactors.pacing import USUAL

NO = SubscriptionError("no")
STREAMS = [b"sym%dusdt@depth" % number for number in range(200)]


@given(st.integers(1, 200), st.sets(st.integers(0, 199), max_size=4))
def test_all_but_those_to_blame_are_accepted_in_few_requests(count, bad):
    streams = STREAMS[:count]
    bad = {STREAMS[number] for number in bad if number < count}
    refusals, to_ask, accepted, requests = Refusals(USUAL.refusal_backoff), [tuple(streams)], [], 0
    while to_ask:
        group, requests = to_ask.pop(0), requests + 1
        if bad & set(group):
            to_ask += refusals.refuse(group, NO)
        else:
            refusals.accept(group)
            accepted += group
    assert sorted(accepted) == sorted(set(streams) - bad)
    assert requests <= 1 + 2 * len(bad) * ceil(log2(count) if count > 1 else 0)
    assert {stream for stream in streams if stream in refusals} == bad
    assert refusals.groups == ()
    assert all((refusals.times(stream), refusals.error(stream)) == (1, NO) for stream in bad)


def test_waits_grow_and_a_stream_is_due_once_until_it_is_answered():
    refusals, now, waits = Refusals(USUAL.refusal_backoff), 0.0, []
    for _ in range(12):
        assert refusals.refuse((STREAMS[0],), NO) == ()
        waits.append(refusals.postpone(STREAMS[0], now, 0.999))
        assert refusals.take_due(now + waits[-1] / 2) == ()
        now += waits[-1]
        assert refusals.take_due(now) == ((STREAMS[0],),)
        assert refusals.take_due(now + 1e6) == ()
    assert all(later > earlier for earlier, later in pairwise(waits[:7]))
    assert 250 < waits[-1] <= 300


def test_what_was_asked_for_on_a_connection_that_ended_is_due_on_the_next():
    refusals = Refusals(USUAL.refusal_backoff)
    refusals.refuse((STREAMS[0],), NO)
    assert refusals.take_due(10.0) == ()
    refusals.resume(10.0)
    assert refusals.take_due(10.0) == ((STREAMS[0],),)


def test_what_nobody_wants_any_more_is_forgotten():
    refusals = Refusals(USUAL.refusal_backoff)
    refusals.refuse(STREAMS[:4], NO)
    refusals.refuse(STREAMS[:1], NO)
    refusals.accept(STREAMS[:2])
    assert refusals.groups == ((STREAMS[2], STREAMS[3]),)
    assert [STREAMS[number] in refusals for number in range(4)] == [False, False, True, True]
    assert (refusals.times(STREAMS[0]), refusals.error(STREAMS[0])) == (0, None)
