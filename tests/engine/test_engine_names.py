"""Symbols that come and go leave nothing behind: no structure of the process grows with every name it ever heard of."""

import gc
import os
import re
import sys
from collections import defaultdict, deque
from types import MappingProxyType

import pytest

from depthactors import DepthEngine, DepthReader, ThreadedDepthCacheManager
from depthactors.errors import BookNotSharedError, UnknownSymbolError
from depthactors.exchange import LocalExchange
from tests.support import Recorder, comes_true, until

MARK = "ZQXJ"
GONE = [f"{MARK}{number}USDT" for number in range(6)]
UNLISTED = [f"{MARK}{number}BTC" for number in range(2)]
AT_HAND = 4
"""What the threads that fetch snapshots were at last, which they hold till they are at the next one."""
CONTAINERS = (dict, list, tuple, set, frozenset, deque, MappingProxyType)


@pytest.fixture
def exchange(monkeypatch):
    with LocalExchange.with_order_flow(["KEEPUSDT", *GONE], rate=20.0, depth=50) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        yield exchange


@pytest.fixture(autouse=True)
def _every_object_is_seen():
    """Undo for a while what `tests.conftest` hides from the garbage collector."""
    gc.unfreeze()
    yield
    gc.collect()
    gc.freeze()


def ours(thing):
    name = str(type(thing).__module__)
    return name.partition(".")[0] == "depthactors" and not name.startswith("depthactors.exchange")


def names_kept():
    """Return the names of the gone that anything of ours holds, with the path to each."""
    gc.collect()
    roots = [(type(each).__qualname__, each) for each in gc.get_objects() if ours(each)]
    modules = [(name, module) for name, module in sys.modules.items() if name.partition(".")[0] == "depthactors"]
    roots += [(name, vars(module)) for name, module in modules if not name.startswith("depthactors.exchange")]
    found, seen = defaultdict(set), set()
    while roots:
        path, thing = roots.pop()
        if isinstance(thing, str | bytes):
            text = thing.decode(errors="replace") if isinstance(thing, bytes) else thing
            for symbol in re.findall(f"{MARK}[0-9]+", text.upper()):
                found[symbol].add(path)
        elif id(thing) not in seen and (isinstance(thing, CONTAINERS) or ours(thing)):
            seen.add(id(thing))
            what = type(thing).__qualname__
            roots += [(f"{path[-200:]} > {what}", each) for each in gc.get_referents(thing)]
    return found


def nothing_is_kept():
    return comes_true(lambda: len(names_kept()) <= AT_HAND)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("processes", [None, pytest.param(1, marks=pytest.mark.full)])
def test_an_engine_and_a_reader_forget_books_that_are_not_followed_any_more(exchange, processes):
    name = f"names-{os.getpid()}"
    with DepthEngine(processes=processes, name=name) as engine, DepthReader(name) as reader:
        engine.subscribe("KEEPUSDT", depth=5).wait_live(20)
        for handle in engine.subscribe_many(GONE, depth=5):
            handle.wait_live(20)
            assert reader.wait_live(handle.symbol, 20).bids
            engine.unsubscribe(handle)
        for handle in engine.subscribe_many(UNLISTED, depth=5):
            with pytest.raises(UnknownSymbolError):
                handle.wait_live(20)
            engine.unsubscribe(handle)
        del handle
        with pytest.raises(BookNotSharedError):
            reader.view(GONE[0])
        until(lambda: len(reader.books()) == 1)
        assert nothing_is_kept(), names_kept()


@pytest.mark.usefixtures("fast")
def test_a_manager_forgets_streams_that_were_stopped(exchange):
    with ThreadedDepthCacheManager() as manager:
        manager.start_depth_cache(lambda _cache: None, "KEEPUSDT")
        updates = Recorder()
        for symbol in GONE[:5]:
            started = manager.start_depth_cache(updates, symbol, ws_interval=100)
            updates.wait_for(lambda _: bool(updates.seen), 20)
            manager.stop_socket(started)
            updates.seen.clear()
        assert nothing_is_kept(), names_kept()
