"""`DepthCache`: filled by hand, sorted, and following a book, as python-binance's does it."""

import copy
import json
import logging
import multiprocessing
import pickle
import queue
import time
from contextlib import ExitStack
from decimal import Decimal

import orjson
import pytest

from depthactors import BookState, DepthCache, OrderBook, ThreadedDepthCacheManager, binance
from depthactors.book.copied import copy_book
from depthactors.errors import DepthActorsError, UsageError
from depthactors.exchange import LocalExchange
from tests.support import table

ZEROS = ["0", "0.0", "0.00000000", "0.000", "0e-8", "-0.0", 0, 0.0, Decimal("0E-8")]


@pytest.fixture
def cache():
    cache = DepthCache("BNBBTC")
    for price, quantity in (("0.00158", "3.1"), ("0.00161", "0.5"), ("0.00159", "7")):
        cache.add_bid([price, quantity])
    for price, quantity in (("0.00173", "1"), ("0.00162", "2.5"), ("0.01", "9")):
        cache.add_ask([price, quantity])
    return cache


def test_an_empty_cache_has_its_names_and_no_levels():
    cache = DepthCache("BNBBTC")
    assert (cache.symbol, cache.conv_type, cache.update_time) == ("BNBBTC", float, None)
    assert (cache.get_bids(), cache.get_asks(), cache.state) == ([], [], BookState.LIVE)
    assert (cache.view().last_update_id, cache.view().event_time) == (0, 0)


def test_levels_are_lists_of_lists_best_first(cache):
    assert cache.get_bids() == [[0.00161, 0.5], [0.00159, 7.0], [0.00158, 3.1]]
    assert cache.get_asks() == [[0.00162, 2.5], [0.00173, 1.0], [0.01, 9.0]]
    assert all(type(level) is list for level in cache.get_bids() + cache.get_asks())


def test_it_is_printed_with_its_touch_as_the_exchange_writes_it(cache):
    assert repr(cache) == "<DepthCache BNBBTC u=0 0.00161 x 0.5 / 0.00162 x 2.5, 3/3 levels>"
    assert repr(DepthCache("BNBBTC", Decimal)) == "<DepthCache BNBBTC u=0 - x - / - x -, 0/0 levels>"


@table("limit, count", [(None, 3), (1, 1), (2, 2), (3, 3), (100, 3)])
def test_a_limit_cuts_from_the_best(cache, limit, count):
    assert cache.get_bids(limit) == cache.get_bids()[:count]
    assert cache.get_asks(limit=limit) == cache.get_asks()[:count]


@table("limit", [-1, -100, "5", 2.5])
def test_a_limit_that_is_no_number_of_levels_is_refused(cache, limit):
    for read in (cache.get_bids, cache.get_asks, cache.view):
        with pytest.raises(UsageError, match=f"number of levels of at least 0, was {limit!r}"):
            read(limit)


@table(
    "convert, price, quantity",
    [
        (float, 100.25, 0.1),
        (Decimal, Decimal("100.25"), Decimal("0.10")),
        (str, "100.25", "0.10"),
        (lambda text: "~" + text, "~100.25", "~0.10"),
    ],
)
def test_prices_and_quantities_are_of_the_type_asked_for(convert, price, quantity):
    cache = DepthCache("BTCUSDT", conv_type=convert)
    cache.add_bid(["100.25", "0.10"])
    cache.add_ask(("100.25", "0.10"))
    assert cache.get_bids() == cache.get_asks() == [[price, quantity]]
    assert {type(each) for each in cache.get_bids()[0]} == {type(price)}


def test_the_type_may_be_changed_between_two_reads(cache):
    cache.conv_type = str
    assert cache.get_bids(1) == [["0.00161", "0.5"]]
    cache.conv_type = Decimal
    assert cache.get_bids(1) == [[Decimal("0.00161"), Decimal("0.5")]]


def test_no_digit_is_lost():
    cache = DepthCache("SHIBUSDT", conv_type=Decimal)
    cache.add_bid(["0.00001234", "123456789012345678.12345678"])
    assert cache.get_bids() == [[Decimal("0.00001234"), Decimal("123456789012345678.12345678")]]


@table("numbers", [(100.5, 2.0), (Decimal("100.5"), Decimal(2)), (100.5, 2), ("100.50", "2.00")])
def test_a_level_may_be_given_as_texts_or_numbers(numbers):
    cache = DepthCache("BTCUSDT")
    cache.add_bid(list(numbers))
    cache.add_ask(list(numbers))
    assert cache.get_bids() == cache.get_asks() == [[100.5, 2.0]]


def test_a_float_with_more_digits_than_a_price_has_is_the_price_it_stands_for():
    cache = DepthCache("BTCUSDT", conv_type=str)
    cache.add_bid([0.1 + 0.2, 1.1 + 2.2])
    assert cache.get_bids() == [["0.3", "3.3"]]


@table("zero", ZEROS)
def test_zero_removes_in_any_spelling(cache, zero):
    cache.add_bid(["0.00161", "0.5"])
    cache.add_ask(["0.00162", "2.5"])
    cache.add_bid(["0.00161", zero])
    cache.add_ask(["0.00162", zero])
    assert [price for price, _ in cache.get_bids()] == [0.00159, 0.00158]
    assert [price for price, _ in cache.get_asks()] == [0.00173, 0.01]


@table("zero", ZEROS)
def test_removing_an_unknown_level_is_no_error(cache, zero):
    before = cache.get_bids(), cache.get_asks()
    cache.add_bid(["0.5", zero])
    cache.add_ask(["0.5", zero])
    assert (cache.get_bids(), cache.get_asks()) == before


def test_a_level_given_again_is_replaced_whatever_its_spelling(cache):
    cache.add_bid(["0.0016100", "8"])
    assert cache.get_bids(1) == [[0.00161, 8.0]]
    assert len(cache.get_bids()) == 3


@table(
    "level",
    [["nonsense", "1"], ["1", "nonsense"], ["-1", "1"], ["1", "-1"], ["0", "1"], ["nan", "1"], ["1", "inf"], ["1"], []],
)
def test_what_is_no_level_is_refused_and_changes_nothing(cache, level):
    before = cache.get_bids()
    with pytest.raises(DepthActorsError):
        cache.add_bid(level)
    assert cache.get_bids() == before


def test_a_view_is_of_both_sides(cache):
    view = cache.view(1)
    assert (view.symbol, view.bids, view.asks) == ("BNBBTC", ((0.00161, 0.5),), ((0.00162, 2.5),))
    cache.conv_type = Decimal
    assert cache.view(1).bids == ((Decimal("0.00161"), Decimal("0.5")),)


PAIRS = {"9.5": "1", "10.5": "2", "100": "3"}


@table(
    "vals, options, expected",
    [
        (PAIRS, {}, [[9.5, 1.0], [10.5, 2.0], [100.0, 3.0]]),
        (PAIRS, {"reverse": True}, [[100.0, 3.0], [10.5, 2.0], [9.5, 1.0]]),
        ([["10.5", "2"], ["9.5", "1"]], {}, [[9.5, 1.0], [10.5, 2.0]]),
        ([("10.5", "2"), ("9.5", "1")], {"reverse": True}, [[10.5, 2.0], [9.5, 1.0]]),
        (PAIRS, {"conv_type": str}, [["9.5", "1"], ["10.5", "2"], ["100", "3"]]),
        (PAIRS, {"conv_type": str, "reverse": True}, [["100", "3"], ["10.5", "2"], ["9.5", "1"]]),
        (PAIRS, {"conv_type": Decimal}, [[Decimal("9.5"), 1], [Decimal("10.5"), 2], [100, 3]]),
        ({}, {}, []),
        ([], {}, []),
    ],
)
def test_sorting_is_by_the_price_as_a_number(vals, options, expected):
    assert DepthCache.sort_depth(vals, **options) == expected


def test_sorting_takes_its_arguments_by_place_and_leaves_the_input_alone():
    levels = [["2", "1"], ["1", "1"]]
    assert DepthCache.sort_depth(levels, True, str) == [["2", "1"], ["1", "1"]]
    DepthCache.sort_depth(levels)
    assert levels == [["2", "1"], ["1", "1"]]


def test_what_is_neither_a_dict_nor_a_list_is_refused():
    with pytest.raises(ValueError, match="expected a dict or a list"):
        DepthCache.sort_depth("nonsense")


# Caches that follow a book of a local exchange.


class Following:
    """A manager, and the exchange it talks to."""

    def __init__(self, exchange, manager):
        self.exchange, self.manager = exchange, manager

    def seen(self, read, start="start_depth_cache", symbol="BNBBTC", **options):
        """Follow a book; returns the name and a queue of what `read` makes of the cache in the callback."""
        seen = queue.Queue()
        name = getattr(self.manager, start)(lambda cache: seen.put(read(cache)), symbol, ws_interval=100, **options)
        return name, seen


@pytest.fixture
def follow(monkeypatch):
    """Start an exchange with one symbol and a manager."""
    with ExitStack() as stack:

        def follow(symbol="BNBBTC", market="spot"):
            served = LocalExchange.with_order_flow([symbol], market=market, rate=50.0, levels=5.0, depth=150)
            exchange = stack.enter_context(served)
            monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
            return Following(exchange, stack.enter_context(ThreadedDepthCacheManager()))

        yield follow


@pytest.fixture
def following(follow):
    return follow()


@pytest.mark.parametrize(
    ("market", "start", "symbol"),
    [
        ("spot", "start_depth_cache", "BNBBTC"),
        ("usdm", "start_futures_depth_socket", "BTCUSDT"),
        pytest.param("coinm", "start_coin_futures_depth_socket", "BTCUSD_PERP", marks=pytest.mark.full),
        pytest.param("options", "start_options_depth_socket", "BTC-261225-100000-C", marks=pytest.mark.full),
    ],
)
def test_in_a_callback_both_sides_are_of_one_update_and_the_exchanges(follow, market, start, symbol):
    following = follow(symbol, market)

    def read(cache):
        return cache.view(1).last_update_id, cache.get_bids(20), cache.get_asks(20), cache.update_time

    name, seen = following.seen(read, start, symbol, conv_type=Decimal, limit=20)
    assert name == f"{symbol.lower()}@depth20"
    updates = [seen.get(timeout=10) for _ in range(20)]
    for update_id, bids, asks, _ in updates:
        truth = following.exchange.book_at(symbol, update_id)
        assert (bids, asks) == ([*map(list, truth.bids[:20])], [*map(list, truth.asks[:20])])
    first_id, ids, times = updates[0][0], [update[0] for update in updates[1:]], [update[3] for update in updates[1:]]
    assert (ids, times) == (sorted(set(ids)), sorted(times))
    # Where each diff names its predecessor, the first one may end at the update of the snapshot.
    assert first_id <= ids[0]
    assert abs(times[-1] / 1000 - time.time()) < 10


@table("convert", [float, Decimal, str, lambda text: ("it", text)])
def test_levels_are_best_first_in_the_type_asked_for(following, convert):
    _, seen = following.seen(lambda cache: (cache.view(1), cache.get_bids(), cache.get_asks(5)), conv_type=convert)
    view, bids, asks = seen.get(timeout=10)
    assert (len(bids) >= 10, len(asks)) == (True, 5)
    assert {type(each) for level in bids + asks for each in level} == {type(convert("1"))}
    truth = following.exchange.book_at("BNBBTC", view.last_update_id)
    # The local exchange spells spot's numbers with 8 digits, as the real one does.
    assert bids[:10] == [[convert(f"{number:.8f}") for number in level] for level in truth.bids[:10]]


# A cache is a value.


def as_text(text):
    return ("it", text)


def in_a_callback(follow, **options):
    """Return a cache that a callback got, what it showed then, and its stream, which has gone on since."""
    following = follow()
    _, seen = following.seen(lambda cache: (cache, shown(cache)), **options)
    cache, before = seen.get(timeout=10)
    while seen.get(timeout=10)[0].view(1).last_update_id <= cache.view(1).last_update_id:
        pass
    return cache, before, following


def shown(cache):
    return cache.get_bids(), cache.get_asks(), cache.update_time, cache.symbol, cache.conv_type, cache.state


def test_a_cache_kept_for_later_shows_its_update_for_ever(follow):
    cache, before, following = in_a_callback(follow)
    following.manager.stop()
    assert shown(cache) == before
    assert before[-1] is BookState.LIVE
    assert cache.age > 0


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {number}": lambda cache, number=number: pickle.loads(pickle.dumps(cache, number))
        for number in range(6)
    },
}


@pytest.mark.parametrize("convert", [float, Decimal, str, as_text], ids=["float", "Decimal", "str", "any"])
def test_a_copy_shows_the_same(follow, convert):
    cache, before, _ = in_a_callback(follow, conv_type=convert)
    for duplicate in COPIES.values():
        twin = duplicate(cache)
        assert type(twin) is DepthCache
        assert shown(twin) == before
        assert twin.view().last_update_id == cache.view().last_update_id


@table("duplicate", COPIES.values())
def test_a_copy_of_ones_own_cache_is_another_one(cache, duplicate):
    cache.update_time = 1_700_000_000_000
    twin = duplicate(cache)
    assert shown(twin) == shown(cache)
    twin.add_bid(["0.5", "1"])
    twin.add_ask(["0.00162", "0"])
    twin.update_time = None
    assert (len(twin.get_bids()), len(twin.get_asks())) == (4, 2)
    assert (len(cache.get_bids()), len(cache.get_asks()), cache.update_time) == (3, 3, 1_700_000_000_000)


def echo(inbox, outbox):
    cache = inbox.get(timeout=30)
    outbox.put((shown(cache), cache))


@pytest.mark.full
def test_it_goes_through_a_queue_to_another_process_and_back(follow):
    cache, before, _ = in_a_callback(follow, conv_type=Decimal)
    context = multiprocessing.get_context("spawn")
    inbox, outbox = context.Queue(), context.Queue()
    process = context.Process(target=echo, args=(inbox, outbox))
    process.start()
    try:
        inbox.put(cache)
        there, back = outbox.get(timeout=30)
    finally:
        process.join(30)
    assert there == shown(back) == before


def test_a_conv_type_without_a_name_is_copied_and_says_why_it_cannot_be_pickled(follow):
    cache, before, _ = in_a_callback(follow, conv_type=lambda text: text[:3])
    assert shown(copy.deepcopy(cache)) == before
    with pytest.raises(pickle.PicklingError, match=r"conv_type that another process can import, was .*lambda"):
        pickle.dumps(cache)


def test_a_cache_of_a_callback_may_be_changed_by_its_owner_and_the_book_is_not(follow):
    cache, before, following = in_a_callback(follow)
    best = before[0][0][0]
    cache.add_bid([best, 0])
    cache.add_ask(["99999", "1"])
    assert (cache.get_bids(), cache.get_asks()) == (before[0][1:], [*before[1], [99999.0, 1.0]])
    for _ in range(3):
        cache.add_bid(["0.00000001", "1"])
    assert cache.get_bids()[-1] == [1e-8, 1.0]
    truth = following.exchange.book_at("BNBBTC", cache.view().last_update_id)
    assert float(truth.bids[0][0]) == best


def test_levels_are_the_callers_own_lists(follow):
    cache, before, _ = in_a_callback(follow)
    levels = cache.get_bids()
    assert type(levels) is list
    assert {type(level) for level in levels} == {list}
    assert json.loads(json.dumps(levels)) == orjson.loads(orjson.dumps(levels)) == levels
    assert pickle.loads(pickle.dumps(levels)) == levels
    assert len(levels + cache.get_asks()) == len(levels) + len(cache.get_asks())
    levels[0][1] = -1.0
    levels.reverse()
    levels.clear()
    assert cache.get_bids() == before[0]


def test_levels_become_an_array(cache):
    numpy = pytest.importorskip("numpy", reason="numpy is no dependency of the project")
    assert numpy.array(cache.get_bids()).shape == (3, 2)


def test_update_time_is_a_time_from_the_first_callback_on(follow):
    # A stream a second: the snapshot is there before any event, often.
    began, following = time.time(), follow()
    for limit in range(10, 16):
        seen = queue.Queue()
        following.manager.start_depth_cache(
            lambda cache, seen=seen: seen.put(cache.update_time), "BNBBTC", limit=limit, ws_interval=0
        )
        first = seen.get(timeout=10)
        assert type(first) is int
        assert began - 5 <= first / 1000 <= time.time() + 5


def test_update_time_before_any_event_is_when_the_snapshot_arrived():
    book = OrderBook("BTCUSDT", binance.Snapshot(7, 0, 100, (2, 5), [1.0, 1.0], [2.0, 1.0]), recv_time=1_700_000_000.25)
    assert DepthCache.of(copy_book(book), float).update_time == 1_700_000_000_250
    book.apply(binance.Diff(8, 8, None, 1_700_000_000_100, [], []), 1_700_000_001.0)
    assert DepthCache.of(copy_book(book), float).update_time == 1_700_000_000_100


def test_update_time_of_ones_own_cache_is_none_until_it_is_set(cache):
    assert cache.update_time is None
    cache.update_time = 1_700_000_000_000
    cache.add_bid(["1", "1"])
    assert cache.update_time == 1_700_000_000_000


def test_the_private_sides_of_theirs_are_refused_with_what_to_do(cache):
    for name, call in (("_bids", "get_bids"), ("_asks", "add_ask")):
        assert not hasattr(cache, name)
        with pytest.raises(AttributeError, match=rf"{name}.*{call}\(\)"):
            getattr(cache, name)
        with pytest.raises(AttributeError, match=call):
            setattr(cache, name, {})


def test_a_coroutine_that_awaits_one_is_shown_how_to_receive_it(cache):
    async def program():
        await cache

    with pytest.raises(TypeError, match=r"await asyncio\.to_thread\(dcm\.recv\)"):
        program().send(None)


# What a stream would get alone.


@pytest.mark.one_process
def test_levels_are_those_of_the_streams_own_limit_whatever_others_ask_for(monkeypatch):
    counts = {limit: queue.Queue() for limit in (10, 1000, 100)}
    with LocalExchange.with_order_flow(["BNBBTC"], rate=50.0, depth=1500) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with ThreadedDepthCacheManager() as manager:
            for limit, seen in counts.items():
                manager.start_depth_cache(
                    lambda cache, seen=seen: seen.put((len(cache.get_bids()), len(cache.get_asks()))),
                    "BNBBTC", limit=limit, ws_interval=100,
                )  # fmt: skip
            while manager.status().books[0].depth < 1000 or counts[1000].empty():
                counts[10].get(timeout=10)
            sizes = {limit: [min(seen.get(timeout=10)), max(seen.get(timeout=10))] for limit, seen in counts.items()}
    least, most = {10: 55, 100: 175, 1000: 1000}, {10: 100, 100: 500, 1000: 5000}
    for limit, (fewest, many) in sizes.items():
        assert least[limit] <= fewest, sizes
        assert many <= most[limit], sizes


@pytest.mark.one_process
def test_one_alone_has_the_levels_of_its_snapshot(monkeypatch):
    seen = queue.Queue()
    with LocalExchange.with_order_flow(["BNBBTC"], rate=5.0, depth=1500) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with ThreadedDepthCacheManager() as manager:
            manager.start_depth_cache(lambda cache: seen.put(len(cache.get_bids())), "BNBBTC", ws_interval=100)
            assert 90 <= seen.get(timeout=10) <= 100


@pytest.mark.parametrize(
    ("symbol", "options", "name"),
    [("BNBBTC", {}, "bnbbtc@depth10"), ("bnbBtc", {}, "bnbbtc@depth10"), ("BNBBTC", {"limit": 50}, "bnbbtc@depth50")],
    ids=["default", "any case", "with a limit"],
)
def test_the_first_cache_is_in_sync_and_has_the_streams_name(follow, symbol, options, name):
    given, seen = follow().seen(lambda cache: (cache, cache.state, len(cache.get_bids())), symbol=symbol, **options)
    cache, state, levels = seen.get(timeout=10)
    assert (given, type(cache), cache.symbol, cache.conv_type) == (name, DepthCache, "BNBBTC", float)
    assert (state, levels >= options.get("limit", 10), cache.age >= 0) == (BookState.LIVE, True, True)


def test_a_symbol_twice_is_two_names_two_callbacks_and_one_book(follow):
    following = follow()
    name, first = following.seen(lambda cache: cache.get_bids(1))
    other, second = following.seen(lambda cache: cache.get_bids(1), conv_type=str)
    assert name != other
    assert (type(first.get(timeout=10)[0][0]), type(second.get(timeout=10)[0][0])) == (float, str)
    assert len(following.manager.status().books) == 1
    following.manager.stop_socket(name)
    for _ in range(20):
        second.get(timeout=10)


def test_a_limit_beyond_what_the_market_vouches_for_is_cut_with_a_warning(follow, caplog):
    with caplog.at_level(logging.WARNING, "depthactors"):
        name, seen = follow().seen(lambda cache: cache, limit=5000)
    assert name == "bnbbtc@depth5000"
    assert "4500" in caplog.text
    seen.get(timeout=10)


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit])
def test_a_raising_callback_ends_neither_its_stream_nor_another(follow, kind):
    calls = queue.Queue()

    def broken(cache):
        calls.put(cache)
        raise kind

    following = follow()
    following.manager.start_depth_cache(broken, "BNBBTC", ws_interval=100)
    _, others = following.seen(lambda cache: cache)
    for _ in range(3):
        calls.get(timeout=10)
        others.get(timeout=10)
    assert following.manager.is_alive()
