import copy
import json
import pickle
import re
import sys
import threading
from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import binance, recording
from depthactors.binance import Diff, Snapshot
from depthactors.book import BookState, BookView, OrderBook
from depthactors.book.view import capture as capture_view
from depthactors.errors import UsageError
from depthactors.markets import Sequencing
from tests.support import flat, table

FIELDS = ("symbol", "state", "last_update_id", "event_time", "recv_time", "age")
PRICES = st.lists(st.integers(1, 500), unique=True, max_size=8)
SIZES = st.lists(st.integers(1, 1000), min_size=8, max_size=8)


def view_of(bids=(), asks=(), number=Decimal, **more):
    """Make a view of levels given as texts, in any order."""
    bid, ask = sorted(bids, key=lambda level: -float(level[0])), sorted(asks, key=lambda level: float(level[0]))
    sides = (tuple((float(price), float(size)) for price, size in side) for side in (bid, ask))
    bids, asks = sides
    times = {"event_time": 1000, "recv_time": 2.0, "age": 0.5}
    return BookView("BTCUSDT", BookState.LIVE, last_update_id=7, bids=bids, asks=asks, number=number, **times, **more)


BIDS = (("9.50", "2.0"), ("9.00", "1.5"), ("8", "0.25"))
ASKS = (("10.50", "1"), ("11.00", "3.0"), ("12", "0.5"))
VIEW = view_of(BIDS, ASKS, decimals=(2, 1))
EMPTY = view_of()


def some_view(bids, asks, sizes, number=Decimal):
    return view_of(
        [(f"{500 - price}.5", f"{size}.25") for price, size in zip(bids, sizes, strict=False)],
        [(f"{500 + price}.5", f"{size}.125") for price, size in zip(asks, sizes, strict=False)],
        number,
    )


@table("number", [float, Decimal])
def test_levels_are_best_first_in_the_number_type(number):
    view = view_of(BIDS, ASKS, number)
    assert view.bids == tuple((number(price), number(size)) for price, size in BIDS)
    assert view.asks == tuple((number(price), number(size)) for price, size in ASKS)
    assert {type(value) for level in view.bids + view.asks for value in level} == {number}
    assert (view.best_bid, view.best_ask) == (view.bids[0], view.asks[0])


def test_texts_are_the_exchanges_own():
    assert VIEW.texts("bid") == [("9.50", "2.0"), ("9.00", "1.5"), ("8.00", "0.25")]
    assert VIEW.texts("ask") == [("10.50", "1.0"), ("11.00", "3.0"), ("12.00", "0.5")]


def test_an_empty_view():
    assert (EMPTY.bids, EMPTY.asks, EMPTY.texts("bid"), EMPTY.decimals) == ((), (), [], (0, 0))
    assert [EMPTY.best_bid, EMPTY.best_ask, EMPTY.mid, EMPTY.spread, EMPTY.microprice, EMPTY.imbalance(5)] == [None] * 6
    assert [EMPTY.spread_bps, EMPTY.vwap("ask", 1), EMPTY.vwap("ask", quote=1)] == [None] * 3
    assert EMPTY.to_price("bid", 1) == EMPTY.to_volume("ask", 1) == EMPTY.cumulative("bid") == ()
    assert EMPTY.levels_as_rows() == []
    assert "BTCUSDT" in repr(EMPTY)


def test_a_view_with_one_side_has_no_middle():
    view = view_of(BIDS)
    assert (view.mid, view.spread, view.microprice, view.imbalance(), view.best_ask) == (None, None, None, 1, None)
    assert view.spread_bps is None
    assert view._repr_html_().count("<tr>") == 1 + len(BIDS)


@table("name", [*FIELDS, "bids", "asks", "mid", "anything"])
def test_a_view_is_immutable(name):
    view = view_of(BIDS, ASKS)
    with pytest.raises(AttributeError):
        setattr(view, name, 1)
    with pytest.raises(AttributeError):
        delattr(view, name)
    assert view == view_of(BIDS, ASKS)


@table("read", [False, True])
@table("number", [float, Decimal])
@table("again", [lambda view: pickle.loads(pickle.dumps(view)), copy.copy, copy.deepcopy])
def test_a_copy_is_equal_and_complete(number, read, again):
    view = view_of(BIDS, ASKS, number, decimals=(2, 1))
    if read:
        assert view.bids
    other = again(view)
    assert other == view
    assert hash(other) == hash(view)
    assert [getattr(other, name) for name in FIELDS] == [getattr(view, name) for name in FIELDS]
    assert (other.bids, other.asks, other.texts("bid")) == (view.bids, view.asks, view.texts("bid"))


@table(
    "other",
    [
        view_of(BIDS, ASKS),
        view_of(BIDS, BIDS, decimals=(2, 1)),
        view_of(BIDS, ASKS, float, decimals=(2, 1)),
        EMPTY,
        None,
        "x",
    ],
)
def test_other_views_and_other_things_are_unequal(other):
    assert other != VIEW


@given(PRICES, PRICES, SIZES, st.integers(1, 10))
def test_measures_against_the_formulas(bids, asks, sizes, count):
    view = some_view(bids, asks, sizes)
    bid_sizes, ask_sizes = (Fraction(sum(size for _, size in side[:count])) for side in (view.bids, view.asks))
    total = bid_sizes + ask_sizes
    if total:
        assert float(view.imbalance(count)) == pytest.approx(float((bid_sizes - ask_sizes) / total))
        assert -1 <= view.imbalance(count) <= 1
    if not (bids and asks):
        assert view.imbalance(count) in {None, 1, -1}
        return
    (bid, bid_size), (ask, ask_size) = view.bids[0], view.asks[0]
    assert view.mid == (bid + ask) / 2
    assert view.spread == ask - bid
    weighted = (Fraction(bid * ask_size) + Fraction(ask * bid_size)) / Fraction(bid_size + ask_size)
    assert float(view.microprice) == pytest.approx(float(weighted))
    assert bid < view.microprice < ask


@given(PRICES.filter(bool), SIZES, st.sampled_from(["bid", "ask"]), st.fractions(0, 2).filter(bool))
def test_vwap_against_one_unit_at_a_time(prices, sizes, side, share):
    view = some_view(prices, prices, sizes)
    levels = view.bids if side == "bid" else view.asks
    total = sum(size for _, size in levels)
    quantity = Decimal(int(share * int(total * 8)) or 1) / 8
    # Eighths, the quantities' own unit, taken one by one from the best.
    units = [price for price, size in levels for _ in range(int(size * 8))][: int(quantity * 8)]
    vwap = view.vwap(side, quantity)
    if quantity > total:
        assert vwap is None
    else:
        assert vwap == pytest.approx(sum(units) / len(units))


def test_vwap_of_what_the_best_level_has_is_its_price():
    view = BookView("BTCUSDT", BookState.LIVE, asks=((85951.8, 1.0), (85952.0, 1.0)), number=Decimal)
    for quote in (3, 100, 12_345):
        assert view.vwap("ask", quote=quote) == Decimal("85951.8")


@given(PRICES.filter(bool), SIZES, st.sampled_from(["bid", "ask"]), st.fractions(0, 2).filter(bool))
def test_vwap_of_a_quote_amount_is_what_the_amount_buys(prices, sizes, side, share):
    view = some_view(prices, prices, sizes)
    levels = view.bids if side == "bid" else view.asks
    worth = sum(price * size for price, size in levels)
    quote = worth * share.numerator / share.denominator
    vwap = view.vwap(side, quote=quote)
    if share > 1:
        assert vwap is None
    else:
        # The quantity that is bought costs the amount, and has the same mean price.
        assert view.vwap(side, quote / vwap * (1 - Decimal("1e-20"))) == pytest.approx(vwap)


def test_an_amount_is_a_quantity_or_a_quote_amount():
    with pytest.raises(UsageError, match="expected a quantity or a quote amount, was 1 and 2"):
        VIEW.vwap("ask", 1, quote=2)
    with pytest.raises(UsageError, match="expected a quote amount above zero, was 0"):
        VIEW.vwap("ask", quote=0)
    with pytest.raises(UsageError, match="expected a quantity as a number, was None"):
        VIEW.vwap("ask")


@table("number", [float, Decimal])
def test_the_spread_is_a_part_of_the_middle(number):
    view = view_of([("9.99", "1")], [("10.01", "1")], number)
    assert view.spread_bps == 20
    assert type(view.spread_bps) is number


@given(PRICES, SIZES, st.sampled_from(["bid", "ask"]), st.sampled_from([float, Decimal]))
def test_cumulative_quantities_are_those_of_every_prefix(prices, sizes, side, number):
    view = some_view(prices, prices, sizes, number)
    levels = view.bids if side == "bid" else view.asks
    totals = [sum(size for _, size in levels[:count]) for count in range(1, len(levels) + 1)]
    assert view.cumulative(side) == tuple(zip([price for price, _ in levels], totals, strict=True))


def test_a_cumulative_quantity_has_no_digits_of_the_floats_own():
    view = view_of(asks=[("1", "0.1"), ("2", "0.2"), ("3", "0.3")], number=float)
    assert view.cumulative("ask") == ((1.0, 0.1), (2.0, 0.3), (3.0, 0.6))


def test_an_imbalance_of_equal_floats_is_zero():
    # Added one after the other, ten times 0.1 is less than 1.0.
    tenths = [(str(price), "0.1") for price in range(1, 11)]
    assert view_of(bids=tenths, asks=[("20", "1.0")], number=float).imbalance(10) == 0.0


HEAD = {"symbol": "BTCUSDT", "state": "LIVE", "last_update_id": 7, "event_time": 1000, "recv_time": 2.0}


def test_a_view_is_plain_values_for_json():
    view = view_of(BIDS[:2], ASKS[:1], float)
    assert json.loads(json.dumps(view.as_dict())) == {
        **HEAD,
        "age": 0.5,
        "bids": [[9.5, 2.0], [9.0, 1.5]],
        "asks": [[10.5, 1.0]],
    }
    exact = view_of(BIDS[:1], ASKS[:1], Decimal)
    assert json.loads(json.dumps(exact.as_dict(), default=str))["bids"] == [["9.5", "2.0"]]


def test_a_view_is_a_row_a_level():
    assert view_of(BIDS[:2], ASKS[:1], float).levels_as_rows() == [
        {**HEAD, "side": "bid", "level": 1, "price": 9.5, "quantity": 2.0},
        {**HEAD, "side": "bid", "level": 2, "price": 9.0, "quantity": 1.5},
        {**HEAD, "side": "ask", "level": 1, "price": 10.5, "quantity": 1.0},
    ]


def test_a_notebook_shows_the_best_levels_as_the_exchange_spells_them():
    html = VIEW._repr_html_()
    assert "BTCUSDT LIVE, update 7, 3/3 levels" in html
    assert "<td>2.0</td><td>9.50</td><td>10.50</td><td>1.0</td>" in html


@given(PRICES, SIZES, st.sampled_from(["bid", "ask"]), st.integers(0, 1001))
def test_to_price_and_to_volume_against_every_prefix(prices, sizes, side, limit):
    view = some_view(prices, prices, sizes)
    levels = view.bids if side == "bid" else view.asks
    bound = Decimal(limit) + Decimal("0.5")
    assert view.to_price(side, bound) == tuple(
        level for level in levels if (level[0] >= bound if side == "bid" else level[0] <= bound)
    )
    prefixes = [levels[:count] for count in range(1, len(levels) + 1)]
    enough = [prefix for prefix in prefixes if sum(size for _, size in prefix) >= bound]
    assert view.to_volume(side, bound) == (enough[0] if enough else levels)


@given(st.lists(st.integers(1, 999).map(lambda n: f"{n / 1000:.3f}"), min_size=1, max_size=8))
def test_a_side_that_holds_the_volume_has_a_vwap_in_floats_too(sizes):
    view = view_of(asks=[(str(price), size) for price, size in enumerate(sizes, start=1)], number=float)
    total = 0.0
    for _, size in view.asks:
        total += size
    assert view.to_volume("ask", total) == view.asks
    assert view.vwap("ask", total) == pytest.approx(sum(price * size for price, size in view.asks) / total)


@table("quantity", [0, -1, float("nan"), Decimal(0)])
@table("method", ["vwap", "to_volume"])
@table("number", [float, Decimal])
def test_a_quantity_must_be_above_zero(number, method, quantity):
    with pytest.raises(UsageError, match=rf"(above zero|as a number), was {re.escape(repr(quantity))}"):
        getattr(view_of(BIDS, ASKS, number), method)("ask", quantity)


@table("levels", [0, -1, 1.0, "2", None, True])
def test_an_imbalance_is_of_a_number_of_levels(levels):
    with pytest.raises(UsageError, match=f"of at least 1, was {levels!r}"):
        VIEW.imbalance(levels)


@table("wrong", ["1", None, float("nan"), Decimal("sNaN"), 1j])
@table("method", ["vwap", "to_price", "to_volume"])
def test_what_is_no_number_is_named(method, wrong):
    with pytest.raises(UsageError, match=re.escape(f"as a number, was {wrong!r}")):
        getattr(VIEW, method)("ask", wrong)


# Whichever type a price or quantity is given in, and whichever the view has.

NUMBERS = [float, Decimal]
TEXTS = st.integers(1, 10**7).flatmap(lambda n: st.integers(0, 9).map(lambda places: f"{Decimal(n).scaleb(-places):f}"))


class Subclassed(float):
    """As numpy's: spelt with its type."""

    def __repr__(self):
        return f"np.float64({float(self)})"


GIVEN = [float, Decimal, Subclassed]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("kind", GIVEN)
@given(st.lists(TEXTS, min_size=1, max_size=6, unique_by=float), st.data())
def test_the_level_at_the_very_price_is_there(number, kind, prices, data):
    asked = data.draw(st.sampled_from(prices))
    view = view_of([(price, "1") for price in prices], [(price, "1") for price in prices], number)
    for side in ("bid", "ask"):
        levels = view.to_price(side, kind(asked))
        assert levels[-1][0] == number(asked)
        beyond = sum(Decimal(price) < Decimal(asked) for price in prices)
        assert len(levels) == (len(prices) - beyond if side == "bid" else beyond + 1)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("kind", GIVEN)
@given(st.lists(st.integers(1, 10**7).map(lambda n: f"{n / 1000:.3f}"), min_size=1, max_size=6), st.data())
def test_the_volume_of_the_first_levels_is_that_of_no_fewer_and_no_more(number, kind, sizes, data):
    count = data.draw(st.integers(1, len(sizes)))
    view = view_of(asks=[(str(price), size) for price, size in enumerate(sizes, start=1)], number=number)
    volume = sum(map(Decimal, sizes[:count]))
    assert len(view.to_volume("ask", kind(volume))) == count
    cost = sum(price * Decimal(size) for price, size in enumerate(sizes[:count], start=1))
    assert view.vwap("ask", kind(volume)) == pytest.approx(number(cost / volume), rel=number(Decimal("1e-12")))
    # A millionth more is more.
    assert view.vwap("ask", kind(sum(map(Decimal, sizes)) * Decimal("1.000001"))) is None


@table("number", NUMBERS)
@table(
    ("asked", "levels"), [(0.1 + 0.2, 2), (float("inf"), 3), (Decimal("Infinity"), 3), (0, 0), (-1.5, 0), (10**30, 3)]
)
def test_prices_that_were_computed_and_prices_that_none_has(number, asked, levels):
    view = view_of((), [("0.1", "1"), ("0.3", "1"), ("0.7", "1")], number)
    assert len(view.to_price("ask", asked)) == levels
    mirrored = view_of([("0.7", "1"), ("0.3", "1"), ("0.1", "1")], (), number)
    assert len(mirrored.to_price("bid", asked)) == {2: 2, 3: 0, 0: 3}[levels]


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_floats_are_derived_from_the_decimals_and_rounded_once(bid, ask, bid_size, ask_size):
    with localcontext(Context(prec=3)):
        view = view_of([(bid, bid_size)], [(ask, ask_size)], float)
        derived = (view.spread, view.mid, view.microprice)
    bid, ask, bid_size, ask_size = map(Fraction, (bid, ask, bid_size, ask_size))
    total = bid_size + ask_size
    assert derived == (
        float(ask - bid),
        float((bid + ask) / 2),
        pytest.approx(float((bid * ask_size + ask * bid_size) / total), rel=1e-15),
    )
    assert view.imbalance() == pytest.approx(float((bid_size - ask_size) / total), rel=1e-15, abs=1e-15)


def test_a_float_shows_no_digits_of_its_own():
    view = view_of([("63543.22", "0.1")], [("63543.25", "0.1"), ("63543.35", "0.7")], float)
    assert (view.spread, view.mid, view.microprice, view.imbalance()) == (0.03, 63543.235, 63543.235, 0.0)
    assert view.vwap("ask", 0.8) == 63543.3375


@table("side", ["bids", "BID", "", None])
@table("method", ["vwap", "to_price", "to_volume", "texts"])
def test_a_wrong_side_is_a_usage_error(method, side):
    arguments = () if method == "texts" else (1,)
    with pytest.raises(UsageError, match="expected 'bid' or 'ask'"):
        getattr(VIEW, method)(side, *arguments)


# Taking a view of a book.


def book_of(size=50, *, depth=0, limit=1000):
    levels = range(1, size + 1)
    bids, asks = flat((100 - n, 1.0) for n in levels), flat((100 + n, 1.0) for n in levels)
    return OrderBook("BTCUSDT", Snapshot(1, 5, limit, (0, 0), bids, asks), depth=depth, recv_time=10.0)


@table("count", [0, 1, 5, 49, 50, 51, None])
def test_a_view_has_the_best_levels_and_the_books_data(count):
    view = capture_view(book_of(), count, BookState.LIVE, float, 12.5)
    assert [price for price, _ in view.bids] == [100.0 - n for n in range(1, 51)][:count]
    assert [price for price, _ in view.asks] == [100.0 + n for n in range(1, 51)][:count]
    assert [getattr(view, name) for name in FIELDS] == ["BTCUSDT", BookState.LIVE, 1, 5, 10.0, 2.5]


def test_age_is_not_negative_when_the_clock_was_set_back():
    assert capture_view(book_of(), 1, BookState.LIVE, float, 9.0).age == 0.0


def test_no_view_of_a_half_applied_book():
    book = book_of()
    book.version += 1
    assert capture_view(book, 5, BookState.LIVE, float, 0.0) is None


@table(("state", "shown"), [("LIVE", "STALE"), ("STALE", "STALE"), ("STOPPED", "STOPPED"), ("FAILED", "FAILED")])
def test_a_book_whose_promise_is_broken_is_not_live(state, shown):
    book = book_of(5, depth=6, limit=5)
    assert capture_view(book, 5, BookState(state), float, 0.0).state == shown


def test_a_crossed_book_shows_no_levels():
    book = book_of()
    book.apply(Diff(2, 2, 1, 0, [150.0, 1.0], []))
    view = capture_view(book, 5, BookState.LIVE, float, 0.0)
    assert (view.state, view.bids, view.asks) == (BookState.STALE, (), ())


LONG = Decimal("123456789012345678.5")


@table("quantity", [2.5, 3, LONG])
@table("count", [0, 1, 20, None])
@table("side", ["bid", "ask"])
def test_floats_are_floats_whatever_the_book_keeps(side, count, quantity):
    book = book_of()
    book.apply(Diff(2, 2, 1, 0, [99.0, quantity], [101.0, quantity]))
    view = capture_view(book, count, BookState.LIVE, float, 0.0)
    levels = view.bids if side == "bid" else view.asks
    assert {type(number) for level in levels for number in level} <= {float}
    assert [number for _, number in levels[:1]] == [float(quantity)][: len(levels)]
    assert [text for _, text in view.texts(side)[:1]] == [str(quantity)][: len(levels)]
    exact_view = capture_view(book, count, BookState.LIVE, Decimal, 0.0)
    exact_levels = exact_view.bids if side == "bid" else exact_view.asks
    assert [number for _, number in exact_levels[:1]] == [Decimal(quantity)][: len(levels)]


def test_a_view_does_not_follow_the_book():
    book = book_of()
    view = capture_view(book, None, BookState.LIVE, float, 0.0)
    book.apply(Diff(2, 2, 1, 0, [99.0, 0.0], [101.0, 5.0]))
    assert (view.best_bid, view.best_ask) == ((99.0, 1.0), (101.0, 1.0))


@pytest.fixture
def _switching_often():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_switching_often")
def test_views_taken_while_the_book_changes_are_of_one_update():
    book, done, torn = book_of(300), threading.Event(), []

    def read():
        while not done.is_set():
            view = capture_view(book, None, BookState.LIVE, float, 0.0)
            # Each event writes its own id into a level of each side.
            if view and view.last_update_id > 1:
                sizes = {view.bids[0][1], view.asks[0][1], float(view.last_update_id)}
                torn.extend([view] if len(sizes) > 1 else [])

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(2, 5000):
        price = 200.0 + number % 400
        diff = Diff(number, number, number - 1, 0, [99.0, number], [price, 0.0, 101.0, number])
        book.apply(diff)
        book.apply(diff._replace(asks=[price, 1.0, 101.0, number]))
    done.set()
    for reader in readers:
        reader.join()
    assert torn == []


def test_levels_are_spelt_as_they_were_recorded(capture):
    book, spelt = None, {"bid": {}, "ask": {}}
    for line in recording.read(capture):
        event = line.event
        if line.is_snapshot and book is None:
            limit = 1 + max(len(event["bids"]), len(event["asks"]))
            book = OrderBook("X", binance.parse_snapshot(line.message, limit))
            levels = (event["bids"], event["asks"])
        elif line.is_diff and book is not None:
            sequencing = Sequencing.CHAINED if "pu" in event else Sequencing.CONTIGUOUS
            book.apply(binance.parse_diff(event, sequencing, event["s"]))
            levels = (event["b"], event["a"])
        else:
            continue
        for side, texts in zip(spelt.values(), levels, strict=True):
            side.update({float(price): (price, quantity) for price, quantity in texts})
    # The events before the snapshot are applied too: it is no book of any moment, but spelt like one.
    view = capture_view(book, None, BookState.LIVE, float, 0.0)
    for side in ("bid", "ask"):
        for price, quantity in view.texts(side):
            assert spelt[side][float(price)] == (price, quantity)


@given(PRICES, PRICES, SIZES, st.integers(1, 10), st.sampled_from([float, Decimal]), st.sampled_from([float, Decimal]))
def test_the_best_of_a_view_in_another_type_are_the_same_numbers(bids, asks, sizes, levels, kept, asked):
    view = some_view(bids, asks, sizes, kept)
    best = view.best(levels, asked)
    assert (best.bids, best.asks) == tuple(
        tuple((asked(str(price)), asked(str(size))) for price, size in side[:levels]) for side in (view.bids, view.asks)
    )
    assert best.texts("bid") == view.texts("bid")[:levels]
    assert [getattr(best, field) for field in FIELDS] == [getattr(view, field) for field in FIELDS]
    assert view.best(None, kept) == view
