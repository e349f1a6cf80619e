"""The same seed makes the same bytes, for any client at any time."""

import re
import time

import pytest

from depthactors.exchange import LocalExchange
from tests.exchange.exchange_support import ROUTES, SPEEDS, SYMBOLS, live
from tests.support import PATIENCE

CASES = [
    (market, repeat)
    if (market, repeat) in {("spot", None), ("usdm", None), ("coinm", 40)}
    else pytest.param(market, repeat, marks=pytest.mark.full)
    for market in SYMBOLS
    for repeat in (None, 40)
]
"""Markets, each with live and with repeated events."""
FAST = {"rate": 400.0}
TIMES = re.compile(r'"([ET])":\d+')


def streams_of(market):
    """Name every stream of a symbol: diffs and partial depth at all speeds, and the bookTicker."""
    name = SYMBOLS[market].lower()
    diffs = [f"{name}{suffix}" for suffix in SPEEDS[market]]
    return [*diffs, *(each.replace("@depth", "@depth10") for each in diffs), f"{name}@bookTicker"]


def listen(connect, exchange, market, streams):
    return connect(exchange, f"{ROUTES[market]}/stream?streams={'/'.join(streams)}")


def frames(client, count):
    """Receive frames as texts, without the times at which they were sent."""
    return [TIMES.sub(r'"\1":0', client.socket.recv()) for _ in range(count)]


def overlap(one, other, count):
    """Receive `count` frames from each client, beginning with the first that both have; no frame comes twice."""
    ours, theirs = frames(one, count), frames(other, count)
    deadline = time.monotonic() + PATIENCE
    while theirs[0] not in ours and ours[0] not in theirs:
        assert time.monotonic() < deadline, "the clients had no frame in common"
        ours += frames(one, count)
        theirs += frames(other, count)
    if theirs[0] in ours:
        ours = ours[ours.index(theirs[0]) :]
    else:
        theirs = theirs[theirs.index(ours[0]) :]
    ours += frames(one, max(0, count - len(ours)))
    theirs += frames(other, max(0, count - len(theirs)))
    return ours[:count], theirs[:count]


@pytest.mark.parametrize(("market", "repeat"), CASES)
def test_a_seed_makes_the_same_frames_in_the_same_order(market, repeat, connect):
    streams = streams_of(market)
    with live(market, repeat=repeat, **FAST) as first, live(market, repeat=repeat, **FAST) as second:
        clients = [listen(connect, exchange, market, streams) for exchange in (first, second)]
        ours, theirs = overlap(*clients, 200)
    assert ours == theirs
    silent = [name for name in streams if not any(f'"{name}"' in text for text in ours)]
    assert silent == ([streams[-1]] if repeat else [])


def test_a_seed_makes_the_same_order_of_symbols(connect):
    symbols = ["AUSDT", "BUSDT", "CUSDT"]
    options = {"seed": 3, "rate": 300.0, "levels": 5.0, "depth": 40}
    streams = [f"{symbol.lower()}@depth@100ms" for symbol in symbols]
    with (
        LocalExchange.with_order_flow(symbols, **options) as first,
        LocalExchange.with_order_flow(symbols, **options) as second,
    ):
        clients = [listen(connect, each, "spot", streams) for each in (first, second)]
        ours, theirs = overlap(*clients, 100)
    assert ours == theirs


@pytest.mark.parametrize("repeat", [None, 40], ids=["live", "repeated"])
def test_another_seed_makes_other_frames(repeat, connect):
    with live(seed=3, repeat=repeat, **FAST) as first, live(seed=4, repeat=repeat, **FAST) as second:
        ours, others = (frames(listen(connect, each, "spot", streams_of("spot")), 100) for each in (first, second))
    assert not set(ours) & set(others)


@pytest.mark.parametrize(("market", "repeat"), CASES)
def test_a_slower_stream_has_the_same_frames_whenever_one_begins_to_listen(market, repeat, connect):
    streams = streams_of(market)
    fastest, *slower = SPEEDS[market]
    name = SYMBOLS[market].lower()
    with live(market, repeat=repeat, **FAST) as exchange:
        for suffix in slower:
            wanted = [f"{name}{suffix}", f"{name}{suffix.replace('@depth', '@depth5')}"]
            early = listen(connect, exchange, market, wanted)
            # The second one comes some events later, at no round number of them.
            frames(listen(connect, exchange, market, streams), 7)
            frames(listen(connect, exchange, market, [f"{name}{fastest}"]), 3)
            late = listen(connect, exchange, market, wanted)
            ours, theirs = overlap(early, late, 20)
            assert ours == theirs


def test_a_slower_stream_has_the_same_frames_when_it_is_left_and_taken_up_again(connect):
    name = "btcusdt@depth"
    with live(**FAST) as exchange:
        steady, fickle = connect(exchange, f"/stream?streams={name}"), connect(exchange, f"/stream?streams={name}")
        frames(fickle, 2)
        fickle.ask("UNSUBSCRIBE", [name])
        fickle.ask("SUBSCRIBE", [name])
        ours, theirs = overlap(steady, fickle, 10)
    assert ours == theirs
