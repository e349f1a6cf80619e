"""The exception names of python-binance, for programs written against it.

`from binance.exceptions import ...` may become `from depthactors.exceptions import ...`, or stay as it is. Without
python-binance all these classes are `DepthActorsError`s. If it is installed, the names stand for its classes, which are
imported with the first use of a name: an `except` of either module catches the errors of both libraries. The errors of
depthactors are `DepthActorsError`s in any case. The names are also the `type` of error dicts.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from depthactors import reporting
from depthactors.exceptions import own

if TYPE_CHECKING:
    from types import ModuleType

    from depthactors.exceptions.own import (
        BinanceAPIException,
        BinanceOrderException,
        BinanceRequestException,
        BinanceWebsocketClosed,
        BinanceWebsocketQueueOverflow,
        BinanceWebsocketUnableToConnect,
        ReadLoopClosed,
    )

__all__ = [
    "BinanceAPIException",
    "BinanceOrderException",
    "BinanceRequestException",
    "BinanceWebsocketClosed",
    "BinanceWebsocketQueueOverflow",
    "BinanceWebsocketUnableToConnect",
    "ReadLoopClosed",
]

logger = reporting.logger(__name__)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> type[Exception]:
        """Return python-binance's class of that name if there is one, else our own."""
        if name not in __all__:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg, name=name)
        return getattr(_theirs(), name, None) or getattr(own, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def _theirs() -> ModuleType | None:
    return sys.modules.get(own.THEIRS) or _imported()


@cache
def _imported() -> ModuleType | None:
    """Import python-binance's exceptions if it is installed; some 0.2 s, once."""
    package, _, module = own.THEIRS.partition(".")
    try:
        found = find_spec(package)
    except ValueError:
        # A module without a specification, which a program has made by itself.
        return None
    # The exchange's own connector is a package of the same name, without this module.
    places = found.submodule_search_locations if found is not None else None
    if not any(Path(place, f"{module}.py").is_file() for place in places or ()):
        return None
    try:
        return import_module(own.THEIRS)
    except Exception as error:  # noqa: BLE001 - without the import, the program cannot catch those classes either
        logger.info("= python-binance is installed and cannot be imported: %s: %s", type(error).__name__, error)
        return None
