"""Many symbols started in a loop: one connection, paced subscriptions, a snapshot each, no refusal.

As it stands it starts 60 symbols; with `DEPTHACTORS_MANY=300` in the environment, 300. With `pytest -s` it also prints
what it counted.
"""

import http.client
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from depthactors import BookState, DepthCache, ThreadedDepthCacheManager, markets
from depthactors.exchange import LocalExchange
from depthactors.exchange.server.client import Client
from depthactors.exchange.shapes.invented_symbols import invent

MANY = int(os.environ.get("DEPTHACTORS_MANY", "60"))
PATIENCE = 60.0


@pytest.fixture
def served(monkeypatch):
    """Start an exchange in a process of its own; returns its address."""
    with ExitStack() as stack:

        def serve(count, market="spot", *options):
            command = ["-m", "depthactors", "exchange", "--market", market, "--symbols", str(count), "--port", "0"]
            # On a busy machine messages that were sent in good time arrive together.
            figures = ["--rate", "2", "--levels", "3", "--depth", "100", "--limit", "messages_per_second=100"]
            process = stack.enter_context(
                subprocess.Popen([sys.executable, *command, *figures, *options], stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.terminate)
            lines = (line for line in process.stdout if "DEPTHACTORS_EXCHANGE=" in line)
            url = re.search(r"DEPTHACTORS_EXCHANGE=(\S+)", next(lines))[1]
            monkeypatch.setenv("DEPTHACTORS_EXCHANGE", url)
            return url

        yield serve


class FirstNews:
    """A callback for many streams: waits until each symbol's book has been seen, and keeps what is no book."""

    def __init__(self, symbols):
        self.seen = dict.fromkeys(symbols, 0)
        self.others = []
        self._news = threading.Condition()

    def __call__(self, item):
        with self._news:
            if isinstance(item, DepthCache):
                assert item.state is BookState.LIVE
                assert len(item.get_bids(10)) == len(item.get_asks(10)) == 10
                self.seen[item.symbol] += 1
            else:
                self.others.append(item)
            self._news.notify_all()

    def wait(self, times=1, timeout=PATIENCE):
        """Wait until each book was seen so many times: by the second its stream has met its snapshot."""
        with self._news:
            self._news.wait_for(lambda: self.others or min(self.seen.values()) >= times, timeout)
            assert (sorted(each for each in self.seen if self.seen[each] < times), self.others) == ([], [])


def used_weight(url):
    """Ask the exchange for the weight that it counted this minute; the question itself is one of it."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", "/api/v3/ping")
        answer = connection.getresponse()
        answer.read()
        return int(answer.headers["X-MBX-USED-WEIGHT-1M"]) - 1
    finally:
        connection.close()


@pytest.mark.one_process
def test_many_symbols_started_in_a_loop_share_one_connection_and_are_all_live(served):
    url, symbols = served(MANY), invent(markets.SPOT, MANY)
    news = FirstNews(symbols)
    with ThreadedDepthCacheManager() as manager:
        begin = time.monotonic()
        names = [manager.start_depth_cache(news, symbol, ws_interval=100) for symbol in symbols]
        started = time.monotonic() - begin
        news.wait()
        live = time.monotonic() - begin
        news.wait(times=2)
        weight, status = used_weight(url), manager.status()
    counters = [book.counters for book in status.books]
    snapshots, too_old = sum(each.snapshots for each in counters), sum(each.snapshots_too_old for each in counters)
    print(
        f"\n{MANY} symbols: calls returned in {started:.2f} s, all LIVE in {live:.2f} s; "
        f"sockets {len(status.sockets)}, snapshots {snapshots}, of which too old {too_old}, weight {weight}"
    )
    assert len(set(names)) == MANY
    assert [row for row in status.books if row.state is not BookState.LIVE] == []
    assert status.live == len(status.books) == MANY
    assert [(each.streams, each.failures, each.rejected_frames) for each in status.sockets] == [(MANY, 0, 0)]
    # The exchange's REST lags its streams a little, so that some snapshots come too old to begin with.
    assert snapshots - too_old == MANY, "a snapshot each that was of use, and no other one"
    assert sum(each.snapshots_unwanted + each.late + each.resyncs for each in counters) == 0
    # A minute may have turned meanwhile, so this is an upper bound.
    assert weight <= snapshots * markets.SPOT.snapshot_weight(markets.SPOT.snapshot_limit(10))
    assert news.others == [], "an error, such as that of a 429, or of the stop"


@pytest.fixture
def eager_threads():
    """Let threads take turns so often that each race is run."""
    before = sys.getswitchinterval()
    yield lambda: sys.setswitchinterval(1e-5)
    sys.setswitchinterval(before)


def test_a_stop_is_no_error_to_any_callback(monkeypatch, eager_threads):
    symbols = invent(markets.SPOT, 30)
    with LocalExchange.with_order_flow(symbols, rate=5.0, levels=3.0, depth=30, history=10) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        news = FirstNews(symbols)
        with ThreadedDepthCacheManager() as manager:
            for symbol in symbols:
                manager.start_depth_cache(news, symbol, ws_interval=100)
            news.wait()
            eager_threads()
    assert news.others == []


@pytest.mark.full
@pytest.mark.one_process
def test_a_second_connection_is_opened_only_for_what_the_first_may_not_carry(served, monkeypatch):
    # As if an options connection took 20 streams instead of 200: the exchange refuses what is more.
    most, count = 20, 30
    monkeypatch.setitem(markets.MARKETS, "options", replace(markets.OPTIONS, max_streams=most))
    served(count, "options", "--limit", f"max_streams={most}")
    symbols = invent(markets.OPTIONS, count)
    news = FirstNews(symbols)
    with ThreadedDepthCacheManager() as manager:
        for symbol in symbols:
            manager.start_options_depth_socket(news, symbol, ws_interval=100)
        news.wait()
        status = manager.status()
    assert sorted(each.streams for each in status.sockets) == [count - most, most]
    assert (status.live, news.others) == (count, [])


@pytest.fixture
def sent(monkeypatch):
    """Keep what the exchange reads from its clients, with the time: `(connection, seconds, message)`."""
    seen = []
    handle = Client.handle

    def noting(client, message):
        seen.append((id(client), time.monotonic(), json.loads(message)))
        handle(client, message)

    monkeypatch.setattr(Client, "handle", noting)
    return seen


@pytest.mark.one_process
def test_subscriptions_are_sent_in_batches_within_the_message_limit(sent, monkeypatch):
    symbols = invent(markets.SPOT, 60)
    allowed = markets.SPOT.messages_per_second
    with LocalExchange.with_order_flow(symbols, rate=2.0, levels=3.0, depth=30, history=10) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        news = FirstNews(symbols)
        with ThreadedDepthCacheManager() as manager:
            for symbol in symbols:
                manager.start_depth_cache(news, symbol, ws_interval=100)
            news.wait()
    wanted = [stream for _, _, message in sent if message["method"] == "SUBSCRIBE" for stream in message["params"]]
    assert sorted(wanted) == sorted(markets.SPOT.diff_stream(symbol) for symbol in symbols), "each of them once"
    times = [moment for _, moment, _ in sent]
    assert len({connection for connection, _, _ in sent}) == 1
    assert len(times) <= 2 * allowed, "a message a symbol would be 60"
    for first, last in zip(times, itertools.islice(times, allowed, None), strict=False):
        assert last - first >= 0.95, f"{allowed + 1} messages within {last - first:.2f} s"
