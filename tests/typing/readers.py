"""What type checkers know of the numbers of what is read; no line of it runs."""

# pyright: strict

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from depthactors import (
    BookState,
    BookView,
    DepthCache,
    DepthCacheManager,
    DepthReader,
    OrderBook,
    SharedBook,
    ThreadedDepthCacheManager,
)


def shared() -> float:
    with DepthReader("books") as reader:
        assert_type(reader, DepthReader[float])
        assert_type(reader, DepthReader)
        assert_type(reader.books(), tuple[SharedBook, ...])
        view = reader.wait_live("BTCUSDT", timeout=10)
        assert_type(view, BookView[float])
        view = reader.wait("BTCUSDT", after=view, timeout=1)
        assert_type(reader.view("BTCUSDT", 5), BookView[float])
        return view.spread or 0.0


def exact() -> Decimal:
    reader = DepthReader("books", number=Decimal)
    assert_type(reader, DepthReader[Decimal])
    view = reader.wait_live("BTCUSDT")
    assert_type(view, BookView[Decimal])
    return Decimal(2) * (view.spread or Decimal(0))


def whichever() -> str:
    reader = DepthReader("books", number=None)
    assert_type(reader, DepthReader[float | Decimal])
    assert_type(reader.view("BTCUSDT").mid, float | Decimal | None)
    return f"{reader.view('BTCUSDT').mid}"


def waited_for() -> None:
    assert_type(DepthReader.wait_for_engine("books", timeout=1), DepthReader[float])
    assert_type(DepthReader.wait_for_engine("books", number=Decimal), DepthReader[Decimal])
    assert_type(DepthReader.wait_for_engine("books", 1, number=None), DepthReader[float | Decimal])


def made_by_hand() -> None:
    assert_type(BookView("BTCUSDT", BookState.LIVE), BookView[float])
    assert_type(BookView("BTCUSDT", BookState.LIVE, number=Decimal), BookView[Decimal])


def order_book(book: OrderBook) -> None:
    assert_type(book.best_bid, Decimal | None)


def facade() -> None:
    def on_cache(cache: DepthCache) -> None:
        print(cache.symbol, cache.get_bids()[:5])

    with ThreadedDepthCacheManager() as manager:
        assert_type(manager.start_depth_cache(on_cache, "BTCUSDT"), str)
    with DepthCacheManager(None, "BTCUSDT") as cache_manager:
        cache = cache_manager.recv(timeout=1)
        if isinstance(cache, DepthCache):
            assert_type(cache.symbol, str)
