"""The local exchange: a small Binance on the loopback interface, in threads, for tests and demos.

`LocalExchange` serves REST and streams of every market from recordings or from a seeded order
flow, knows the exact book after every event (`book_at`), and misbehaves on request (`Fault`).

The folders, from the bottom: `shapes` (symbols, numbers, events and replies of each family of markets), `feeds` (where
prices come from), `streams` (which client gets which event), `rest` (replies), `server` (sockets).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depthactors.exchange.fault import KINDS, Fault
    from depthactors.exchange.feeds.feed import Feed
    from depthactors.exchange.feeds.truth import BookTruth
    from depthactors.exchange.limits import Limits
    from depthactors.exchange.local import LocalExchange

__all__ = ["KINDS", "BookTruth", "Fault", "Feed", "Limits", "LocalExchange"]

_MODULES = {
    "KINDS": "fault",
    "BookTruth": "feeds.truth",
    "Fault": "fault",
    "Feed": "feeds.feed",
    "Limits": "limits",
    "LocalExchange": "local",
}


def __dir__() -> list[str]:
    """Return all names, so that `help()` and `dir()` show the classes before they are imported."""
    from importlib.util import find_spec  # noqa: PLC0415 - only needed here

    lacking = set() if find_spec("websockets") else {"LocalExchange"}
    return sorted({*globals(), *__all__} - lacking)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: only `LocalExchange` needs the extra package `websockets`."""
    from importlib import import_module  # noqa: PLC0415 - see above

    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    try:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "websockets":
            raise
        msg = "the local exchange needs the package 'websockets': pip install 'depthactors[demo]'"
        raise ImportError(msg) from error
