"""What the package's own facades need of an engine and its handles, and a program does not: `help()` has none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depthactors.actors.cell import BookCell, Listener
    from depthactors.book.numerals import NumberT_co
    from depthactors.dispatcher.dispatcher import Dispatcher
    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.engine.handle import BookHandle
    from depthactors.markets import Market


def follow(
    engine: DepthEngine[NumberT_co],
    symbols: Iterable[str],
    *,
    depth: int,
    market: Market,
    speed_ms: int,
    refresh_interval: float | None,
) -> list[BookHandle[NumberT_co]]:
    """Follow books that nothing listens to yet, all of them or none. `listen` comes next.

    Raises:
        UsageError: an argument that is not allowed.
        LifecycleError: as for `DepthEngine.subscribe`.
        SharingError: as for `DepthEngine.subscribe`.
    """
    return engine._follow(symbols, depth=depth, market=market, speed_ms=speed_ms, refresh_interval=refresh_interval)


def dispatcher_of(engine: DepthEngine[Any]) -> Dispatcher:
    """Return what runs the engine's actors, and is its clock. A start after a failed one has another."""
    return engine._runtime.dispatcher


def check_process(engine: DepthEngine[Any]) -> None:
    """Check that this is the process that started the engine.

    Raises:
        LifecycleError: this is a fork of that process; the engine's threads do not exist here.
    """
    engine._runtime.check_process()


def cell_of(handle: BookHandle[Any]) -> BookCell:
    """Return the place where the present actor of the handle's book is found."""
    return handle._cell


def listener_of(handle: BookHandle[Any]) -> Listener | None:
    """Return the listener of a subscription, if it has one."""
    return handle._listener


def listen(handle: BookHandle[Any], listener: Listener) -> None:
    """Have a listener notified from now on, first of the book as it is.

    A handle has one listener. The caller ends the subscription if this fails, by Ctrl-C for example.
    """
    handle._listen(listener)
