"""Every public callable of the facade: its arguments, their order and their defaults."""

import inspect

from depthactors import (
    BinanceSocketManager,
    Client,
    DepthCache,
    DepthCacheManager,
    FuturesDepthCacheManager,
    OptionsDepthCacheManager,
    ThreadedDepthCacheManager,
)
from tests.support import table

CONSTRUCTOR = "api_key=None, api_secret=None, requests_params=None, tld='com', testnet=False, *"
CLIENT = (
    "api_key=None, api_secret=None, requests_params=None, tld='com', base_endpoint='', testnet=False, demo=False, *, "
    "private_key=None, private_key_pass=None, ping=True, loop=None, session_params=None, https_proxy=None, "
    "time_unit=None, verbose=False"
)
START = f"callback, symbol, refresh_interval=1800, bm=None, limit=10, conv_type={float!r}, ws_interval=0"
MANAGER = (
    "client=None, symbol='', loop=None, refresh_interval=1800, bm=None, limit=500, "
    f"conv_type={float!r}, ws_interval=None, *, callback=None"
)
SPREAD = "processes=None, shared_as=None, threads='manager'"
MANAGERS = [DepthCacheManager, FuturesDepthCacheManager, OptionsDepthCacheManager]

TABLE = [
    (Client, CLIENT),
    (
        ThreadedDepthCacheManager,
        f"{CONSTRUCTOR}, session_params=None, https_proxy=None, verbose=False, max_reconnects=5, {SPREAD}",
    ),
    (ThreadedDepthCacheManager.start, "self"),
    (ThreadedDepthCacheManager.start_depth_cache, f"self, {START}"),
    (ThreadedDepthCacheManager.start_futures_depth_socket, f"self, {START}"),
    (ThreadedDepthCacheManager.start_coin_futures_depth_socket, f"self, {START}"),
    (ThreadedDepthCacheManager.start_options_depth_socket, f"self, {START}"),
    (ThreadedDepthCacheManager.stop_socket, "self, socket_name"),
    (ThreadedDepthCacheManager.stop, "self, timeout=10.0"),
    (ThreadedDepthCacheManager.join, "self, timeout=None"),
    (ThreadedDepthCacheManager.is_alive, "self"),
    (ThreadedDepthCacheManager.status, "self"),
    (ThreadedDepthCacheManager.__enter__, "self"),
    (DepthCache, f"symbol, conv_type={float!r}"),
    (DepthCache.add_bid, "self, bid"),
    (DepthCache.add_ask, "self, ask"),
    (DepthCache.get_bids, "self, limit=None"),
    (DepthCache.get_asks, "self, limit=None"),
    (DepthCache.sort_depth, f"vals, reverse=False, conv_type={float!r}"),
    *((kind, MANAGER) for kind in MANAGERS),
    *((kind.recv, "self, timeout=None") for kind in MANAGERS),
    *((kind.get_depth_cache, "self") for kind in MANAGERS),
    *((kind.get_symbol, "self") for kind in MANAGERS),
    *((kind.close, "self") for kind in MANAGERS),
    *((kind.__enter__, "self") for kind in MANAGERS),
    (BinanceSocketManager, "client=None, user_timeout=300, max_queue_size=100, verbose=False, *, max_reconnects=5"),
    (BinanceSocketManager.close, "self, timeout=10.0"),
]


def arguments(function):
    signature = inspect.signature(function)
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


@table("function, expected", TABLE)
def test_arguments_are_those_of_the_table(function, expected):
    assert arguments(function) == f"({expected})"


@table(
    "kind, names",
    [
        (
            ThreadedDepthCacheManager,
            {
                "start",
                "start_depth_cache",
                "start_futures_depth_socket",
                "start_coin_futures_depth_socket",
                "start_options_depth_socket",
                "stop_socket",
                "stop",
                "join",
                "is_alive",
                "status",
            },
        ),
        (DepthCacheManager, {"recv", "get_depth_cache", "get_symbol", "close"}),
        (BinanceSocketManager, {"close"}),
    ],
)
def test_what_programs_call_is_there(kind, names):
    assert names <= {name for name, _ in inspect.getmembers(kind, inspect.isfunction)}


@table("name", ["__enter__", "__exit__", "__iter__"])
@table("kind", MANAGERS)
def test_nothing_of_a_manager_is_a_coroutine(kind, name):
    assert not inspect.iscoroutinefunction(getattr(kind, name))


def test_sort_depth_needs_no_instance():
    assert isinstance(inspect.getattr_static(DepthCache, "sort_depth"), staticmethod)
