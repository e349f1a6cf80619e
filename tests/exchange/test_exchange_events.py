import json
from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.exchange.feeds.depth_event import DepthEvent, Step
from depthactors.exchange.feeds.truth import PlainBook
from depthactors.exchange.shapes.depth import Depth
from depthactors.exchange.shapes.table import shape_of
from depthactors.exchange.streams import events
from depthactors.exchange.streams.kinds import DiffStream, PartialStream, TickerStream
from tests.exchange.exchange_support import SYMBOLS, StillFeed
from tests.support import table

START_US = 1_700_000_000_000_000
PRICES = [f"{price}.0" for price in range(1, 7)]


def payloads(feed, kind, step):
    return [sent.payload for sent in events.events(feed, kind, step)]


class ScriptedFeed(StillFeed):
    """A feed whose changes are given: for each step those of bids and asks, or `None` for a quiet one."""

    def __init__(self, market, script, *, interval=100):
        super().__init__(market, levels=0)
        self.interval = interval
        self._script = iter(script)
        self._number, self.last_id = 0, 1_000
        self.ticks = []
        self.book = PlainBook()

    def step(self, *, tickers=False):
        self._number += 1
        change = next(self._script)
        if change is None:
            return Step(self._number, None)
        previous, first = self.last_id, self.last_id + 1
        if self.market.sequencing is markets.Sequencing.CHAINED:
            first += 10
        self.last_id = first + sum(map(len, change))
        time_us = START_US + self._number * 100_000
        ids = (first, self.last_id, previous)
        sides = [sorted(side.items(), reverse=best_high) for side, best_high in zip(change, (True, False), strict=True)]
        tick = DepthEvent(self._number, *ids, time_us, shape_of(self.market).diff(self.symbol, time_us, ids, *sides))
        self.book.apply(tick.decoded())
        self.ticks.append(tick)
        return Step(self._number, tick, [b'{"u":1}', b'{"u":2}'] if tickers else ())

    def since(self, number):
        return [tick for tick in self.ticks if tick.number > number]

    def present(self, limit):
        return Depth(self.last_id, self.ticks[-1].time_us, *self.book.cut(limit))


def side():
    return st.dictionaries(st.sampled_from(PRICES), st.sampled_from(["0.0", "1.0", "2.5"]), max_size=4)


def scripts():
    change = st.tuples(side(), side()).filter(any)
    return st.lists(st.one_of(st.none(), change, change), max_size=45)


def play(feed, kind, script):
    """Return the events of a stream, each with its step and the number of changes so far."""
    found = []
    for _ in script:
        step = feed.step()
        found += [(step.number, len(feed.ticks), json.loads(each)) for each in payloads(feed, kind, step)]
    return found


SLOW = [("spot", 1000), ("usdm", 250), ("coinm", 500), ("options", 500)]


@given(script=scripts())
def test_a_slow_stream_has_each_change_once_and_chains_as_the_fast_one(script):
    # One script for all markets: what takes longest is to draw it.
    for market, interval in SLOW:
        feed = ScriptedFeed(market, script)
        book, expected = PlainBook(), PlainBook()
        done = 0
        for _, ticks, event in play(feed, DiffStream(interval), script):
            merged = feed.ticks[done:ticks]
            assert (event["U"], event["u"]) == (merged[0].first_id, merged[-1].last_id)
            assert event.get("pu", merged[0].previous_id) == merged[0].previous_id
            assert event["E"] == merged[-1].time_us // 1_000
            assert list(event) == list(merged[0].decoded())
            book.apply(event)
            for tick in merged:
                expected.apply(tick.decoded())
            assert book.cut() == expected.cut()
            for name, sign in (("b", -1), ("a", 1)):
                prices = [sign * float(price) for price, _ in event[name]]
                assert prices == sorted(set(prices))
            done = ticks
        # Changes after the last event wait for the next one.
        assert len(script) - (feed.ticks[done].number if done < len(feed.ticks) else len(script)) < interval / 100


@table(
    ("interval", "turns"), [(100, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), (250, [3, 5, 8, 10]), (500, [5, 10]), (1000, [10])]
)
def test_a_stream_of_a_busy_market_is_due_at_each_multiple_of_its_interval(interval, turns):
    script = [({"1.0": "1.0"}, {})] * 10
    assert [number for number, _, _ in play(ScriptedFeed("usdm", script), DiffStream(interval), script)] == turns


@table(
    "kind",
    [
        DiffStream(0),
        DiffStream(100),
        DiffStream(500),
        DiffStream(1000),
        PartialStream(5, 100),
        PartialStream(5, 500),
        TickerStream(),
    ],
)
def test_nothing_is_sent_of_a_quiet_market(kind):
    script = [None] * 30
    assert play(ScriptedFeed("usdm", script), kind, script) == []


def test_a_slow_stream_is_due_also_at_a_step_without_a_change():
    script = [({"1.0": "1.0"}, {}), None, None, None, None]
    ((number, _, event),) = play(ScriptedFeed("usdm", script), DiffStream(500), script)
    assert (number, event["b"]) == (5, [["1.0", "1.0"]])


@given(script=scripts())
def test_the_fast_streams_are_the_events_byte_for_byte(script):
    for kind in (DiffStream(0), DiffStream(100)):
        feed = ScriptedFeed("spot", script)
        sent = [each for _ in script for each in payloads(feed, kind, feed.step())]
        assert sent == [tick.payload for tick in feed.ticks]


@table("interval", [100, 250, 500, 1000])
@table("levels", [5, 1_000])
def test_a_recording_brings_each_event_on_streams_of_any_speed(interval, levels):
    script = [({"1.0": "1.0"}, {}), None, ({"1.0": "2.0"}, {})]
    assert len(play(ScriptedFeed("usdm", script, interval=0), DiffStream(interval), script)) == 2
    assert len(play(ScriptedFeed("usdm", script, interval=0), PartialStream(levels, interval), script)) == 2


@given(script=scripts())
def test_partial_depth_is_the_present_best_levels_whenever_something_changed(script):
    for market, interval in product(SYMBOLS, (100, 500)):
        feed = ScriptedFeed(market, script)
        sent = []
        for _ in script:
            step = feed.step()
            for each in payloads(feed, PartialStream(2, interval), step):
                event = json.loads(each)
                bids, asks = feed.book.cut(2)
                assert event.get("bids", event.get("b")) == [list(level) for level in bids]
                assert event.get("asks", event.get("a")) == [list(level) for level in asks]
                assert event.get("lastUpdateId", event.get("u")) == feed.last_id
                sent.append(event)
        if market in {"usdm", "coinm", "options"}:
            assert all(after["pu"] == before["u"] for before, after in pairwise(sent))


def test_tickers_are_passed_on_as_they_come():
    feed = ScriptedFeed("spot", [({"1.0": "1.0"}, {})])
    assert payloads(feed, TickerStream(), feed.step(tickers=True)) == [b'{"u":1}', b'{"u":2}']


def test_a_diff_shows_the_time_of_its_last_change_though_the_step_brought_none():
    feed = ScriptedFeed("spot", [({"1.0": "2.0"}, {}), *[None] * 9])
    sent = [each for _ in range(10) for each in events.events(feed, DiffStream(1_000), feed.step())]
    assert [each.time_us for each in sent] == [START_US + 100_000]
