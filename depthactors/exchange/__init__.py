"""The local exchange: a small Binance on the loopback interface, in threads; for tests, demos and drills.

`LocalExchange` serves the REST and stream sides of every market from recordings or from a seeded order
flow, knows the exact book after every event (`book_at`), and misbehaves on request (`Fault`).
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
    """Name what there is, imported or not: `help()` and `dir()` see the classes, too, those that can be imported."""
    from importlib.util import find_spec  # noqa: PLC0415 - nobody else needs it

    lacking = set() if find_spec("websockets") else {"LocalExchange"}
    return sorted({*globals(), *__all__} - lacking)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: only what serves connections needs the extra `websockets`."""
    from importlib import import_module  # noqa: PLC0415 - see above

    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    try:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "websockets":
            raise
        msg = (
            "expected the package 'websockets', which serves the local exchange's connections; "
            "install it with: pip install depthactors[demo]"
        )
        raise ImportError(msg) from error
