import time
from decimal import Decimal

import pytest

from depthactors.book import BookState
from depthactors.errors import (
    BookNotSharedError,
    LifecycleError,
    NotLiveError,
    ServerGoneError,
    UsageError,
)
from depthactors.serve import BookServer, RemoteReader
from tests.support import until

LIVE = BookState.LIVE


def is_true(exchange, view, levels):
    """Whether a view equals the exchange's book at its id."""
    book = exchange.book_at(view.symbol, view.last_update_id, levels=levels)
    return [[(Decimal(price), Decimal(quantity)) for price, quantity in side] for side in (book.bids, book.asks)] == [
        list(view.bids),
        list(view.asks),
    ]


@pytest.fixture
def reader(server):
    with RemoteReader(server.url, number=Decimal) as reader:
        yield reader


def test_each_view_equals_the_exchange_s_book(reader, exchange):
    views = {symbol: reader.wait_live(symbol, 10, levels=5) for symbol in ("BTCUSDT", "ethusdt")}
    for _ in range(10):
        for symbol, view in views.items():
            views[symbol] = later = reader.wait(symbol, view, 5, levels=5)
            assert later.last_update_id > view.last_update_id
            assert (later.state, len(later.bids)) == (LIVE, 5)
            assert is_true(exchange, later, 5)


def test_all_levels_of_the_server_are_the_default(reader):
    assert len(reader.wait_live("BTCUSDT", 10).asks) == 20


def test_several_numbers_of_levels_of_one_book(reader, exchange):
    for levels in (3, 20, None):
        view = reader.wait_live("BTCUSDT", 10, levels=levels)
        assert is_true(exchange, view, levels or 20)
    for levels in (3, 20, None):
        view = reader.wait("BTCUSDT", reader.view("BTCUSDT", levels), 5, levels=levels)
        assert is_true(exchange, view, levels or 20)


def test_a_view_is_stale_without_a_connection_and_live_with_the_next(engine):
    server = BookServer(engine).start()
    with RemoteReader(server.url) as reader:
        view = reader.wait_live("BTCUSDT", 10)
        server.stop()
        until(lambda: reader.view("BTCUSDT").state is BookState.STALE)
        assert "no connection" in reader.reason("BTCUSDT")
        assert reader.view("BTCUSDT").last_update_id >= view.last_update_id
        with BookServer(engine, port=server.port):
            later = reader.wait_live("BTCUSDT", 10)
            assert later.last_update_id > view.last_update_id
            assert reader.reason("BTCUSDT") is None


def test_a_book_that_the_server_does_not_have(reader):
    with pytest.raises(BookNotSharedError, match="expected one book NOPE as ordered, was none"):
        reader.view("NOPE")
    with pytest.raises(BookNotSharedError, match="expected at most 20 levels"):
        reader.view("BTCUSDT", 21)


def test_the_end_of_the_engine_is_seen(reader, engine):
    reader.wait_live("BTCUSDT", 10)
    engine.stop()
    until(lambda: reader.view("BTCUSDT").state is BookState.STOPPED)
    with pytest.raises(NotLiveError, match=r"expected LIVE within 0\.1 s, was STOPPED"):
        reader.wait_live("BTCUSDT", 0.1)


def test_a_server_that_is_not_there(server):
    server.stop()
    with RemoteReader(server.url) as reader:
        begun = time.monotonic()
        with pytest.raises(ServerGoneError, match=r"has not shown BTCUSDT: no connection to .*refused"):
            reader.wait("BTCUSDT", timeout=0.5)
        assert time.monotonic() - begun < 3


def test_a_wrong_token_is_told(engine):
    refused = pytest.raises(ServerGoneError, match="refuses: 401 expected the server's token")
    with BookServer(engine, token="right") as server, RemoteReader(server.url, token="wrong") as reader, refused:
        reader.wait("BTCUSDT", timeout=1)
    with BookServer(engine, token="right") as server, RemoteReader(server.url, token="right") as reader:
        assert reader.wait_live("BTCUSDT", 10).state is LIVE


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://x", "http://"])
def test_an_address_that_is_none(url):
    with pytest.raises(UsageError, match="expected an address like http"):
        RemoteReader(url)


def test_levels_that_are_none(reader):
    with pytest.raises(UsageError, match="expected a number of levels of at least 1, was 0"):
        reader.view("BTCUSDT", 0)


def test_a_closed_reader_says_so(server):
    reader = RemoteReader(server.url)
    view = reader.wait_live("BTCUSDT", 10)
    reader.close()
    reader.close()
    assert view.state is LIVE
    with pytest.raises(LifecycleError, match="was closed; make a new one"):
        reader.view("ETHUSDT")
