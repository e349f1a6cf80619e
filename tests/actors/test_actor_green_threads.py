"""Under gevent and eventlet: all of it works where they come first and whole, and is refused at once elsewhere."""

import importlib.util
import subprocess
import sys
from types import SimpleNamespace

import pytest

from depthactors import DepthEngine, ThreadedDepthCacheManager
from depthactors.actors import green_threads
from depthactors.errors import LifecycleError
from depthactors.exchange import LocalExchange

GEVENT = {"socket", "ssl", "select", "threading", "queue", "time"}
EVENTLET = {"socket", "select", "thread", "time"}
LIBRARIES = [("gevent", "gevent.monkey", "is_module_patched", GEVENT, "threading"),
             ("eventlet", "eventlet.patcher", "is_monkey_patched", EVENTLET, "thread")]  # fmt: skip
PROGRAM = """
import queue, threading
from depthactors import DepthEngine, DepthReader, ThreadedDepthCacheManager, Top

views, caches = queue.Queue(), queue.Queue()
with DepthEngine(name="{name}") as engine:
    book = engine.subscribe("BTCUSDT", depth=5, on_update=views.put).wait_live(10)
    first, second = views.get(timeout=10), views.get(timeout=10)
    print(second.last_update_id > first.last_update_id, book.ask(Top(2), timeout=5).state, engine.status().live)
    with DepthReader("{name}") as reader:
        print(reader.wait_live("BTCUSDT", timeout=5).state)
with ThreadedDepthCacheManager() as manager:
    name = manager.start_depth_cache(caches.put, "BTCUSDT", ws_interval=100)
    print(len(caches.get(timeout=10).get_bids()) > 0)
    manager.stop_socket(name)
print([thread.name for thread in threading.enumerate() if "depthactors" in thread.name])
"""


def replace(monkeypatch, module, question, parts):
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{question: lambda asked: asked in parts}))


@pytest.mark.parametrize(("name", "module", "question", "parts", "threads"), LIBRARIES)
def test_threads_that_are_replaced_in_part_are_refused(monkeypatch, name, module, question, parts, threads):
    for missing in parts:
        replace(monkeypatch, module, question, parts - {missing})
        assert green_threads.replaced_by() == (None if missing == threads else name)
        for start in (DepthEngine().start, ThreadedDepthCacheManager().start):
            with pytest.raises(LifecycleError, match=f"expected {name} to have replaced all .* was all but {missing}:"):
                start()


@pytest.mark.parametrize(("name", "module", "question", "parts"), [each[:4] for each in LIBRARIES])
def test_threads_that_are_replaced_too_late_are_refused(monkeypatch, name, module, question, parts):
    replace(monkeypatch, module, question, parts)
    assert green_threads.replaced_by() == name
    with pytest.raises(
        LifecycleError, match=f"expected {name} to replace threads and sockets before depthactors is imported"
    ):
        DepthEngine().start()
    monkeypatch.setattr(green_threads, "_at_import", name)
    green_threads.check_green_threads()


def test_a_library_that_replaced_nothing_is_no_matter(monkeypatch):
    for _, module, question, *_ in LIBRARIES:
        replace(monkeypatch, module, question, set())
    with DepthEngine() as engine:
        assert engine.running


@pytest.mark.parametrize(
    ("library", "patch"),
    [
        ("gevent", "from gevent import monkey; monkey.patch_all()"),
        ("eventlet", "import eventlet; eventlet.monkey_patch()"),
    ],
)
def test_an_engine_a_reader_and_a_manager_work_in_green_threads(library, patch, monkeypatch):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install {library} for this one")
    with LocalExchange.with_order_flow(["BTCUSDT"], rate=20.0) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        program = f"{patch}\n{PROGRAM.format(name=f'green-{library}')}"
        # Eventlet says that it is deprecated.
        command = [sys.executable, "-W", "ignore", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert done.stdout.splitlines() == ["True LIVE 1", "LIVE", "True", "[]"], done.stderr
    assert len(done.stderr.splitlines()) == 1, "that there is another exchange"
