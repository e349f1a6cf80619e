"""Mistakes that a type checker finds: each marked line is an error, and there is no other."""

# pyright: strict

from __future__ import annotations

from decimal import Decimal

from depthactors import BookHandle, BookView, DepthEngine, DepthReader


def exact(view: BookView[Decimal]) -> None:
    print(view.mid)


def plain(view: BookView) -> None:
    print(view.mid)


floats = DepthEngine()
decimals = DepthEngine(number=Decimal)
floats.subscribe("BTCUSDT", on_update=exact)  # wrong
decimals.subscribe("BTCUSDT", on_update=plain)  # wrong
a: DepthEngine[Decimal] = DepthEngine()  # wrong
b: DepthEngine = DepthEngine(number=Decimal)  # wrong
c: BookHandle = decimals.subscribe("BTCUSDT")  # wrong
d: DepthReader[Decimal] = DepthReader("books")  # wrong
e: float | None = decimals.subscribe("BTCUSDT").view().mid  # wrong
f: BookView[str]  # wrong
DepthEngine(number=str)  # wrong
