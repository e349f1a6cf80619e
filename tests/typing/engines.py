"""What type checkers know of an engine's numbers; no line of it runs."""

# pyright: strict

from __future__ import annotations

import queue
from decimal import Decimal
from typing import assert_type

from depthactors import (
    Best,
    BookDelta,
    BookEvent,
    BookHandle,
    BookStatus,
    BookView,
    DepthEngine,
    DepthTo,
    Full,
    Status,
    Top,
    markets,
)
from depthactors.metrics import EngineCollector


def default_engine() -> float:
    engine = DepthEngine()
    assert_type(engine, DepthEngine[float])
    assert_type(engine, DepthEngine)
    with DepthEngine("usdm", processes=2) as running:
        assert_type(running, DepthEngine[float])
    btc = engine.subscribe("BTCUSDT", depth=5)
    assert_type(btc, BookHandle[float])
    assert_type(btc.wait_live(timeout=1), BookHandle[float])
    assert_type(engine["BTCUSDT"], BookHandle[float])
    assert_type(engine.books(), tuple[BookHandle[float], ...])
    for update in btc.updates(timeout=1):
        assert_type(update, BookView[float])
    view = btc.wait(timeout=1)
    assert_type(btc.wait(view), BookView[float])
    assert_type(view, BookView[float])
    assert_type(btc.view(), BookView[float])
    assert_type(view.vwap("bid", quote=1_000), float | None)
    assert_type(view.cumulative("bid"), tuple[tuple[float, float], ...])
    assert_type(view.bids, tuple[tuple[float, float], ...])
    assert_type(view.best_ask, tuple[float, float] | None)
    for measure in (view.mid, view.spread, view.spread_bps, view.microprice, view.imbalance(5), view.vwap("ask", 1)):
        assert_type(measure, float | None)
    assert_type(btc.ask(Top(5)), BookView[float])
    assert_type(btc.ask(Best()), BookView[float])
    assert_type(btc.ask(Full(), timeout=1), BookView[float])
    assert_type(btc.ask(DepthTo("bid", Decimal("0.1"))), tuple[tuple[float, float], ...])
    assert_type(btc.ask(Status()), BookStatus)
    assert_type(view.to_price("bid", 1), tuple[tuple[float, float], ...])
    assert_type(view.to_volume("bid", Decimal(1)), tuple[tuple[float, float], ...])
    mid, price = view.mid, view.vwap("ask", 0.5)
    if mid is None or price is None:
        return sum(quantity for _, quantity in view.asks)
    return 10_000 * (price - mid) / mid


def exact_engine() -> Decimal:
    with DepthEngine(market=markets.lookup("usdm"), number=Decimal) as engine:
        assert_type(engine, DepthEngine[Decimal])
        books = engine.subscribe_many(["BTCUSDT", "ETHUSDT"])
        assert_type(books, list[BookHandle[Decimal]])
        view = books[0].view()
        assert_type(view, BookView[Decimal])
        assert_type(books[0].ask(Full()), BookView[Decimal])
        assert_type(books[0].ask(DepthTo("ask", 2.5)), tuple[tuple[Decimal, Decimal], ...])
        assert_type(view.best(5, float), BookView[float])
        mid, price = view.mid, view.vwap("ask", Decimal(5))
        if mid is None or price is None:
            return sum((quantity for _, quantity in view.asks), Decimal(0))
        return 10_000 * (price - mid) / mid


def deltas(engine: DepthEngine[Decimal]) -> None:
    def on_delta(delta: BookDelta[Decimal]) -> None:
        assert_type(delta.bids, tuple[tuple[Decimal, Decimal], ...])

    engine.subscribe("BTCUSDT", on_delta=on_delta)


def plain(view: BookView) -> None:
    assert_type(view, BookView[float])
    print(view.spread, view.symbol)


def exact(view: BookView[Decimal]) -> None:
    assert_type(view.spread, Decimal | None)


def either(view: BookView[float | Decimal]) -> str:
    assert_type(view.mid, float | Decimal | None)
    return f"{view.mid}"


def on_event(event: BookEvent) -> None:
    print(event.symbol)


def callbacks() -> None:
    views: list[BookView] = []
    waiting: queue.Queue[BookView] = queue.Queue()
    floats, decimals = DepthEngine(), DepthEngine(number=Decimal)
    floats.subscribe("BTCUSDT", on_update=plain, on_event=on_event)
    floats.subscribe("BTCUSDT", on_update=views.append)
    floats.subscribe("BTCUSDT", on_update=waiting.put)
    floats.subscribe("BTCUSDT", on_update=lambda view: view.mid)
    floats.subscribe("BTCUSDT", on_update=print, on_event=print)
    floats.subscribe("BTCUSDT", on_update=either)
    decimals.subscribe("BTCUSDT", on_update=exact, on_event=on_event)
    decimals.subscribe("BTCUSDT", on_update=either)
    decimals.subscribe_many(["BTCUSDT"], on_update=print)


def whichever(engine: DepthEngine[float | Decimal], handle: BookHandle[float | Decimal]) -> None:
    engine.unsubscribe(handle)
    either(handle.view())


def both() -> None:
    floats, decimals = DepthEngine(), DepthEngine(number=Decimal)
    whichever(floats, floats.subscribe("BTCUSDT"))
    whichever(decimals, decimals.subscribe("BTCUSDT"))
    EngineCollector(floats=floats, decimals=decimals)


class Program:
    engine: DepthEngine
    books: dict[str, BookHandle]

    def __init__(self) -> None:
        self.engine = DepthEngine(market="coinm")
        self.books = {book.symbol: book for book in self.engine.subscribe_many(["BTCUSD_PERP"])}

    def middle(self) -> float:
        view = self.books["BTCUSD_PERP"].view()
        return 0.0 if view.best_bid is None or view.best_ask is None else (view.best_bid[0] + view.best_ask[0]) / 2
