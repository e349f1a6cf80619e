"""Reading a busy book from many threads: whole pairs only, in whatever way they are asked for."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from depthactors import BookState, DepthEngine, Top
from depthactors.exchange import LocalExchange
from tests.support import table

READERS = 4
UPDATES = 6


@pytest.fixture
def busy(monkeypatch):
    with LocalExchange.with_order_flow(["BTCUSDT"], rate=500.0, levels=2.0, depth=150, history=200_000) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with DepthEngine() as engine:
            yield exchange, engine.subscribe("BTCUSDT", depth=20).wait_live(10)


WAYS = {
    "ref.ask": lambda book: book.ref.ask(Top(5), timeout=10),
    "handle.ask": lambda book: book.ask(Top(5), timeout=10),
    "handle.view": lambda book: book.view(),
}


@table("way", WAYS.values())
def test_no_reader_ever_sees_a_torn_pair(busy, way):
    exchange, book = busy
    begin = threading.Barrier(READERS)

    def read(_number):
        begin.wait(timeout=10)
        views, ids, deadline = [], set(), time.monotonic() + 20
        while len(ids) < UPDATES and time.monotonic() < deadline:
            view = way(book)
            if view.last_update_id not in ids or len(views) < 100:
                views.append(view)
            ids.add(view.last_update_id)
        assert len(ids) == UPDATES, "the book stood still: nothing was shown"
        return views

    with ThreadPoolExecutor(READERS) as pool:
        views = [view for views in pool.map(read, range(READERS)) for view in views]

    truths = {each: exchange.book_at("BTCUSDT", each) for each in {view.last_update_id for view in views}}
    for view in views:
        truth = truths[view.last_update_id]
        assert view.bids == tuple((float(price), float(quantity)) for price, quantity in truth.bids[: len(view.bids)])
        assert view.asks == tuple((float(price), float(quantity)) for price, quantity in truth.asks[: len(view.asks)])
        assert view.state is not BookState.LIVE or min(len(view.bids), len(view.asks)) >= 5


def test_ids_never_run_backwards_for_a_reader(busy):
    _, book = busy
    ids, changes, deadline = [0], 0, time.monotonic() + 20
    while changes < UPDATES and time.monotonic() < deadline:
        ids.append(book.view().last_update_id)
        changes += ids[-1] != ids[-2]
    assert changes == UPDATES, "the book stood still: nothing was shown"
    assert ids == sorted(ids)
