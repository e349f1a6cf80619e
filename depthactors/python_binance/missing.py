"""Names of python-binance that are not here, and the error that a program gets for each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

_ASYNC: Final = "depthactors works in threads: use `client = Client()` in place of `await AsyncClient.create()`"
_STAYS: Final = "depthactors has depth caches only: leave `from binance import {name}` as it is"
_ERRORS: Final = "it is in a module of its own: `from depthactors.exceptions import {name}`"
_CLIENT: Final = (
    "a Client of depthactors only selects the exchange; for the rest use python-binance's own, "
    "`from binance import Client`: every manager of depthactors takes that one, too"
)
_NO_CONNECTION: Final = "a Client of depthactors has no connection to close: delete this line"

_SOCKETS: Final = (
    "a BinanceSocketManager of depthactors only lends its connections to depth caches; for other streams "
    "`from binance import BinanceSocketManager`, under another name"
)

_ELSEWHERE: Final = {
    "AsyncClient": _ASYNC,
    **dict.fromkeys(
        ("ThreadedWebsocketManager", "KeepAliveWebsocket", "ReconnectingWebsocket", "BinanceSocketType", "FuturesType",
         "ContractType", "HistoricalKlinesType"),
        _STAYS,
    ),
    **dict.fromkeys(
        ("BinanceAPIException", "BinanceOrderException", "BinanceRequestException", "BinanceWebsocketClosed",
         "BinanceWebsocketQueueOverflow", "BinanceWebsocketUnableToConnect", "ReadLoopClosed"),
        _ERRORS,
    ),
}  # fmt: skip
_CONSTANTS: Final = ("KLINE_", "ORDER_", "FUTURE_", "SIDE_", "TIME_IN_FORCE_", "SYMBOL_TYPE_", "AGG_", "WEBSOCKET_")

IN_MANAGER: Final = {
    "_start_depth_cache": "start_depth_cache() and the start_*_depth_socket() calls keep whole books, `limit` levels "
    "deep and more: call these, there are no classes to choose from",
}
"""Private names of `ThreadedDepthCacheManager` that public programs use."""

IN_CACHE: Final = {
    "_bids": "get_bids() returns them, add_bid() changes a cache of one's own",
    "_asks": "get_asks() returns them, add_ask() changes a cache of one's own",
}
"""Private names of `DepthCache` that public programs use."""

IN_COROUTINE: Final = "await asyncio.to_thread(dcm.recv)"
"""What a coroutine does to receive a depth cache."""

HOOKS: Final = (
    "_get_socket",
    "_init_cache",
    "_start_socket",
    "_depth_event",
    "_process_depth_message",
    "_apply_orders",
)
"""Private methods of python-binance's managers that published subclasses replace. Nothing calls them here."""


def missing_in_module(module: str, name: str) -> AttributeError | ImportError:
    """Return what a module's `__getattr__` raises; if python-binance has the name, the error says what to use.

    It is an AttributeError, so that `hasattr` says no; in `from depthactors import name`, which drops the words of
    one, an ImportError.
    """
    constant = name.startswith(_CONSTANTS)
    hint = _ELSEWHERE.get(name, _STAYS if constant else "").format(name=name)
    if hint and _is_import(sys._getframe(2).f_code):  # noqa: SLF001 - nothing else distinguishes an import from hasattr
        msg = f"cannot import name {name!r} from {module!r}: {hint}"
        return ImportError(msg, name=module)
    msg = f"module {module!r} has no attribute {name!r}" + (hint and f": {hint}")
    return AttributeError(msg, name=name)


def _is_import(code: Any) -> bool:
    """Return whether code is the import machinery's, which asks `hasattr` for each name of a `from` line."""
    return code.co_name == "_handle_fromlist" and "importlib" in code.co_filename


class HintingType(type):
    """The type of a class whose missing public names are python-binance's constants and methods."""

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> NoReturn:
            raise missing_in_client(cls.__name__, name)


def missing_in_client(owner: str, name: str) -> AttributeError:
    """Return what an access to a missing name of a client raises."""
    msg = f"{owner!r} has no attribute {name!r}"
    hint = _NO_CONNECTION if name == "close_connection" else _CLIENT
    return AttributeError(msg if name.startswith("_") else f"{msg}: {hint}", name=name)


def missing_in_socket_manager(owner: str, name: str) -> AttributeError:
    """Return what an access to a missing name of a socket manager raises."""
    msg = f"{owner!r} has no attribute {name!r}"
    return AttributeError(msg if name.startswith("_") else f"{msg}: {_SOCKETS}", name=name)


class Missing:
    """A private name of python-binance that programs use: reading and setting it raises, and says what to do."""

    def __init__(self, hint: str) -> None:
        """Keep what to do instead."""
        self._hint = hint
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        self._refuse(owner)

    def __set__(self, instance: object, value: object) -> NoReturn:
        self._refuse(type(instance))

    def _refuse(self, owner: type) -> NoReturn:
        msg = f"{owner.__name__!r} of depthactors has no {self._name!r}, which is python-binance's own: {self._hint}"
        raise AttributeError(msg, name=self._name)
