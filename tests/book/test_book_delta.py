import pickle
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors.book import BookState, BookView
from depthactors.book.delta import apply, difference, merge
from depthactors.errors import UsageError
from tests.support import table

NUMBERS = [float, Decimal]
LEVELS = st.dictionaries(st.integers(1, 30).map(float), st.integers(1, 4).map(float), max_size=12)
STATES = st.sampled_from([BookState.LIVE, BookState.STALE])


def view_of(bids, asks, update_id=1, number=float, state=BookState.LIVE, symbol="BTCUSDT"):
    return BookView(
        symbol,
        state,
        last_update_id=update_id,
        event_time=1_000 * update_id,
        recv_time=float(update_id),
        age=0.5,
        bids=tuple(sorted(bids.items(), reverse=True)),
        asks=tuple(sorted(asks.items())),
        number=number,
        decimals=(2, 1),
    )


@st.composite
def rows_of_views(draw, size):
    number = draw(st.sampled_from(NUMBERS))
    return [view_of(draw(LEVELS), draw(LEVELS), number=number, update_id=n, state=draw(STATES)) for n in range(1, size)]


@given(rows_of_views(6))
def test_a_view_and_the_deltas_after_it_are_every_view(views):
    view = apply(None, difference(None, views[0]))
    assert view == views[0]
    for before, later in pairwise(views):
        view = apply(view, difference(before, later))
        assert view == later
        assert (view.bids, view.asks) == (later.bids, later.asks)


@given(rows_of_views(5), st.booleans())
def test_deltas_in_a_row_are_one_delta(views, begins_with_snapshot):
    begin = None if begins_with_snapshot else views[0]
    deltas = [difference(begin, views[1]), difference(views[1], views[2]), difference(views[2], views[3])]
    merged = merge(merge(deltas[0], deltas[1]), deltas[2])
    assert merged == merge(deltas[0], merge(deltas[1], deltas[2]))
    assert apply(begin, merged) == views[3]
    assert merged.conflated
    assert all(quantity for _, quantity in merged.bids + merged.asks) or not merged.is_snapshot


@given(rows_of_views(3))
def test_a_delta_has_the_changed_levels_alone(views):
    before, later = views
    delta = difference(before, later)
    for side, changes in (("bid", delta.exact_bids), ("ask", delta.exact_asks)):
        old, new = dict(before.exact(side)), dict(later.exact(side))
        assert dict(changes) == {
            price: new.get(price, 0.0) for price in old | new if old.get(price, 0.0) != new.get(price, 0.0)
        }
        assert len(changes) == len(dict(changes))


@table("number", NUMBERS)
def test_levels_are_in_the_number_type_of_the_views(number):
    before, later = view_of({9.5: 1.0}, {10.5: 1.0}, 1, number), view_of({9.5: 2.0}, {}, 2, number)
    delta = difference(before, later)
    assert delta.bids == ((number("9.5"), number("2")),)
    assert delta.asks == ((number("10.5"), number(0)),)
    assert {type(value) for level in delta.bids + delta.asks for value in level} == {number}
    assert (delta.previous_update_id, delta.last_update_id, delta.is_snapshot, delta.conflated) == (1, 2, False, False)


def test_a_snapshot_applies_to_any_view():
    view = view_of({9.5: 1.0}, {10.5: 1.0}, 7)
    snapshot = difference(None, view)
    assert snapshot.is_snapshot
    assert apply(None, snapshot) == apply(view_of({1.0: 1.0}, {}, 3), snapshot) == view
    assert merge(difference(view, view_of({}, {}, 8)), snapshot) is snapshot


def test_a_delta_can_be_sent_on():
    delta = difference(view_of({9.5: 1.0}, {}), view_of({9.5: 2.0}, {}, 2))
    assert pickle.loads(pickle.dumps(delta)) == delta
    with pytest.raises(AttributeError):
        delta.state = BookState.LIVE


def test_what_does_not_follow_is_refused():
    first, second, third = (view_of({9.5: float(n)}, {}, n) for n in (1, 2, 3))
    delta = difference(second, third)
    with pytest.raises(UsageError, match="expected a view of BTCUSDT at update 2, was one of BTCUSDT at update 1"):
        apply(first, delta)
    with pytest.raises(UsageError, match="at update 2, was no view"):
        apply(None, delta)
    with pytest.raises(UsageError, match="was one of ETHUSDT at update 2"):
        apply(view_of({}, {}, 2, symbol="ETHUSDT"), delta)
    with pytest.raises(UsageError, match="that follows update 3, was one of BTCUSDT that follows update 2"):
        merge(delta, delta)


def test_views_of_two_books_have_no_difference():
    with pytest.raises(UsageError, match="was BTCUSDT in float and ETHUSDT in float"):
        difference(view_of({}, {}), view_of({}, {}, symbol="ETHUSDT"))
    with pytest.raises(UsageError, match="was BTCUSDT in float and BTCUSDT in Decimal"):
        difference(view_of({}, {}), view_of({}, {}, number=Decimal))


def test_a_view_in_the_place_of_a_delta_is_refused():
    view, later = view_of({9.5: 1.0}, {}), view_of({9.5: 2.0}, {}, 2)
    delta = difference(view, later)
    for call in (lambda: apply(delta, view), lambda: merge(view, delta), lambda: merge(delta, view)):
        with pytest.raises(UsageError, match="expected a delta, was <BookView BTCUSDT"):
            call()
    for call in (lambda: apply(delta, delta), lambda: difference(delta, later), lambda: difference(view, delta)):
        with pytest.raises(UsageError, match=r"expected a view, was BookDelta\("):
            call()
    with pytest.raises(UsageError, match="expected a view, was None"):
        difference(None, None)


def test_a_snapshot_of_another_book_does_not_follow():
    here, there = view_of({9.5: 1.0}, {}, 1), view_of({1.5: 1.0}, {}, 2, symbol="ETHUSDT")
    snapshot = difference(None, there)
    with pytest.raises(UsageError, match="expected a view of ETHUSDT, was one of BTCUSDT at update 1"):
        apply(here, snapshot)
    with pytest.raises(UsageError, match="expected a delta of BTCUSDT that follows update 1, was one of ETHUSDT"):
        merge(difference(None, here), snapshot)
