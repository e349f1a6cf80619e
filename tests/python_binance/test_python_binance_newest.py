"""A depth cache that was kept from an early callback: a program that goes on reading it is told, once."""

import logging
import queue
import re
import time

import pytest

from depthactors import DepthCache, OrderBook, ThreadedDepthCacheManager, binance, reporting
from depthactors.book.copied import copy_book
from depthactors.dispatcher.clock import SYSTEM_CLOCK
from depthactors.python_binance import newest
from depthactors.python_binance.newest import OLD_AFTER, Newest


def read(cache):
    for _ in range(3):
        assert cache.get_bids()
        assert cache.get_asks(1)


@pytest.fixture
def notices(caplog):
    """Return what was said so far."""

    def notices():
        assert reporting.flush()
        return [each.getMessage() for each in caplog.records if "keep that of the latest" in each.getMessage()]

    with caplog.at_level(logging.WARNING, "depthactors"):
        yield notices


def test_the_first_cache_of_a_stream_is_old_when_newer_ones_have_come(exchange, monkeypatch, notices):
    monkeypatch.setattr(newest, "OLD_AFTER", 0.0)
    seen = queue.Queue()
    with ThreadedDepthCacheManager() as manager:
        manager.start_depth_cache(seen.put, "BTCUSDT", ws_interval=100)
        first = seen.get(timeout=10)
        seen.get(timeout=10)
        read(first)
        said = notices()
    assert len(said) == 1
    assert re.match(r"BTCUSDT: a depth cache of \d+ s ago is read", said[0])


@pytest.mark.parametrize(
    ("age", "newer", "count"), [(OLD_AFTER + 5, 1, 1), (OLD_AFTER + 5, 0, 0), (OLD_AFTER - 5, 1, 0)],
    ids=["old, and there are newer ones", "old, and the latest", "young"],
)  # fmt: skip
def test_it_is_said_once_of_one_that_is_old_and_not_the_latest(notices, age, newer, count):
    book = OrderBook("X", binance.Snapshot(7, 0, 9, (0, 0), [1.0, 1.0], [2.0, 1.0]), recv_time=time.time() - age)
    stream = Newest(SYSTEM_CLOCK)
    stream.update_id = 7 + newer
    for _ in range(2):
        read(DepthCache.of(copy_book(book), float, stream))
    assert len(notices()) == count
