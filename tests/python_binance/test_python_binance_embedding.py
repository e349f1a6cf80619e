"""Where python-binance's depth caches are hard to keep: forks, spawned children, a running event loop, Flask."""

import asyncio
import json
import multiprocessing
import os
import queue
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from contextlib import closing

import pytest

from depthactors import BinanceSocketManager, BookState, DepthCache, DepthCacheManager, ThreadedDepthCacheManager
from depthactors.exchange import Fault, LocalExchange

DEADLINE = 20.0


@pytest.fixture
def exchange(monkeypatch):
    with LocalExchange.with_order_flow(["BNBBTC"], rate=50.0, levels=5.0, depth=150) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        yield exchange


@pytest.fixture
def followed(exchange):
    """A manager with a live book, as `(manager, caches)`: the queue gets each cache."""
    caches = queue.Queue()
    with ThreadedDepthCacheManager() as manager:
        manager.start_depth_cache(caches.put, "BNBBTC", ws_interval=100)
        caches.get(timeout=DEADLINE)
        yield manager, caches


def in_fork(work):
    """Run `work` in a fork of this process; returns the text that it returned or the exception's."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        # Nothing of the test runner may happen here, whatever happens.
        signal.alarm(int(DEADLINE))
        try:
            text = work()
        except BaseException as error:  # noqa: BLE001 - it is what the parent wants to know
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as end:  # noqa: PTH123 - a descriptor
        text = end.read()
    assert os.waitpid(child, 0)[1] == 0, f"the fork did not end by itself; it said {text!r}"
    return text


def first_update(manager):
    """Start a stream, and say what its callback got first."""
    caches = queue.Queue()
    manager.start_depth_cache(lambda cache: caches.put((cache.symbol, len(cache.get_bids(10)))), "BNBBTC")
    return " ".join(map(str, caches.get(timeout=DEADLINE)))


def test_a_fork_after_the_start_is_told_to_start_its_own_and_the_parent_goes_on(followed):
    manager, caches = followed
    text = in_fork(lambda: manager.start_depth_cache(print, "BNBBTC"))
    assert re.fullmatch(r"LifecycleError: .*fork.*start the engine after the fork, in each worker", text)
    before = caches.get(timeout=DEADLINE).view(1).last_update_id
    assert first_update(manager) == "BNBBTC 10"
    assert caches.get(timeout=DEADLINE).view(1).last_update_id > before


def test_in_a_fork_a_manager_of_its_own_works(followed):
    def work():
        with ThreadedDepthCacheManager() as manager:
            return first_update(manager)

    assert in_fork(work) == "BNBBTC 10"


def test_a_fork_does_not_take_the_parents_book_for_a_live_one(exchange):
    with DepthCacheManager(symbol="BNBBTC", ws_interval=100) as manager:
        manager.recv(DEADLINE)
        cache = manager.get_depth_cache()
        assert in_fork(lambda: str(cache.state)) != str(BookState.LIVE)
        assert cache.state is BookState.LIVE


def test_in_a_fork_the_parents_manager_is_not_alive_as_no_thread_is(followed):
    manager, _ = followed
    assert in_fork(lambda: str(manager.is_alive())) == "False"
    assert manager.is_alive()


@pytest.mark.parametrize("end", ["stop", "join"])
def test_in_a_fork_the_parents_manager_stops_and_joins_at_once(followed, end):
    manager, _ = followed

    def work():
        begin = time.monotonic()
        getattr(manager, end)(timeout=3)
        return str(time.monotonic() - begin < 1)

    assert in_fork(work) == "True"
    assert manager.is_alive()


def test_recv_in_a_fork_says_so_at_once_and_the_parent_goes_on(exchange):
    with DepthCacheManager(None, "BNBBTC", ws_interval=100) as dcm:
        dcm.recv(timeout=DEADLINE)

        def work():
            # What was there at the fork may still be returned.
            for _ in range(3):
                dcm.recv(timeout=2)
            return "went on"

        text = in_fork(work)
        assert "fork" in text
        assert "NotLiveError" not in text
        dcm.recv(timeout=DEADLINE)


def test_in_a_fork_the_end_of_with_is_quiet(exchange):
    with DepthCacheManager(None, "BNBBTC", ws_interval=100) as dcm:
        dcm.recv(timeout=DEADLINE)
        assert in_fork(lambda: str(dcm.close())) == "None"
        dcm.recv(timeout=DEADLINE)


def test_a_shared_socket_manager_in_a_fork_says_that_it_is_of_the_parent(exchange):
    bm = BinanceSocketManager()
    with closing(bm), DepthCacheManager(None, "BNBBTC", bm=bm, ws_interval=100) as dcm:
        dcm.recv(timeout=DEADLINE)

        def work():
            with DepthCacheManager(None, "BNBBTC", bm=bm) as other:
                return str(other.recv(timeout=DEADLINE).symbol)

        assert re.fullmatch(r"BNBBTC|LifecycleError: .*fork.*", in_fork(work))
        dcm.recv(timeout=DEADLINE)


def test_a_fork_that_ends_regularly_leaves_the_parent_alone(followed):
    manager, _ = followed
    context = multiprocessing.get_context("fork")
    child = context.Process(target=str)
    child.start()
    child.join(DEADLINE)
    assert child.exitcode == 0
    assert (manager.is_alive(), manager.status().live) == (True, 1)
    assert first_update(manager) == "BNBBTC 10"


def spawned(results):
    """Follow a book in a process that shares nothing with the parent."""
    with ThreadedDepthCacheManager() as manager:
        results.send(first_update(manager))
    results.send([each.name for each in threading.enumerate() if each.name.startswith("depthactors")])


def test_in_a_spawned_child_it_works_and_leaves_no_thread(exchange):
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=spawned, args=(writer,))
    child.start()
    writer.close()
    with closing(reader):
        assert reader.poll(DEADLINE)
        assert reader.recv() == "BNBBTC 10"
        assert reader.poll(DEADLINE)
        assert reader.recv() == []
    child.join(DEADLINE)
    assert child.exitcode == 0


SLOW = Fault("slow-accept", seconds=2.0)
"""The exchange takes longer than a busy machine does: a call that waits for it blocks the loop for that time."""


class Pulse:
    """Looks at each turn of a running loop how late it is."""

    def __init__(self):
        self.worst = 0.0
        self.turns = 0

    async def beat(self):
        while True:
            begin = time.monotonic()
            await asyncio.sleep(0.005)
            self.worst = max(self.worst, time.monotonic() - begin - 0.005)
            self.turns += 1


def test_in_the_thread_of_a_running_loop_it_works_and_does_not_block_the_loop(exchange):
    exchange.inject(SLOW)

    async def program():
        loop, caches = asyncio.get_running_loop(), asyncio.Queue()
        pulse = Pulse()
        beating = asyncio.create_task(pulse.beat())
        await asyncio.sleep(0)
        manager = ThreadedDepthCacheManager()
        manager.start()
        try:
            manager.start_depth_cache(
                lambda cache: loop.call_soon_threadsafe(caches.put_nowait, cache.get_bids(5)), "BNBBTC", ws_interval=100
            )
            async with asyncio.timeout(DEADLINE):
                updates = [await caches.get() for _ in range(10)]
        finally:
            await asyncio.to_thread(manager.stop)
        beating.cancel()
        return updates, pulse

    updates, pulse = asyncio.run(program())
    assert {len(bids) for bids in updates} == {5}
    assert pulse.turns > 10
    assert exchange.strikes() == {SLOW.kind: 1}
    assert pulse.worst < 0.75 * SLOW.seconds, "the loop was blocked"


def test_recv_in_a_worker_thread_leaves_a_running_loop_free(exchange):
    exchange.inject(SLOW)

    async def program():
        pulse = Pulse()
        beating = asyncio.create_task(pulse.beat())
        await asyncio.sleep(0)
        with DepthCacheManager(None, "BNBBTC", ws_interval=100) as dcm:
            caches = [await asyncio.to_thread(dcm.recv, DEADLINE) for _ in range(5)]
        beating.cancel()
        return caches, pulse

    caches, pulse = asyncio.run(program())
    assert {type(cache) for cache in caches} == {DepthCache}
    assert pulse.turns > 5
    assert exchange.strikes() == {SLOW.kind: 1}
    assert pulse.worst < 0.75 * SLOW.seconds, "the loop was blocked"


def test_a_loop_that_runs_does_not_keep_a_notebooks_cell_from_following(exchange):
    async def cell():
        """What a notebook does: plain code, called while the loop of its kernel runs."""
        with DepthCacheManager(None, "BNBBTC", ws_interval=100) as dcm:
            return dcm.recv(timeout=DEADLINE).get_bids(3)

    assert len(asyncio.run(cell())) == 3


APPLICATION = """
    import threading

    from flask import Flask, jsonify

    from depthactors import DepthCache, ThreadedDepthCacheManager

    app = Flask(__name__)
    books, live = {}, threading.Event()


    def keep(cache):
        if isinstance(cache, DepthCache):
            books[cache.symbol] = cache
            live.set()


    manager = ThreadedDepthCacheManager()
    # The server takes Ctrl-C for itself and returns: the program is to end then.
    manager.daemon = True
    manager.start()
    manager.start_depth_cache(keep, "BNBBTC", ws_interval=100)


    @app.get("/top")
    def top():
        live.wait(10)
        book = books["BNBBTC"]
        return jsonify(symbol=book.symbol, state=str(book.state), bids=book.get_bids(3), id=book.view(1).last_update_id)
"""


def address_of(server):
    """Read what the server says until it names its address."""
    said = []
    for line in server.stderr:
        said.append(line)
        if found := re.search(r"Running on (http://\S+)", line):
            return found[1]
    pytest.fail(f"the server has no address: {said}")


def answer(address, later_than=0):
    """Ask for the top of the book until it is later than that."""
    deadline = time.monotonic() + DEADLINE
    while True:
        with urllib.request.urlopen(f"{address}/top", timeout=DEADLINE) as response:
            found = json.load(response)
        if found["id"] > later_than or time.monotonic() > deadline:
            return found


@pytest.mark.parametrize("reloader", ["--no-reload", pytest.param("--reload", marks=pytest.mark.full)])
def test_under_flasks_development_server_a_view_reads_the_book(exchange, tmp_path, reloader):
    pytest.importorskip("flask", reason="flask is not installed")
    (tmp_path / "application.py").write_text(textwrap.dedent(APPLICATION))
    command = [sys.executable, "-m", "flask", "--app", "application", "run", "--port", "0", reloader]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
    ) as server:
        try:
            address = address_of(server)
            first = answer(address)
            second = answer(address, later_than=first["id"])
        finally:
            os.killpg(server.pid, signal.SIGINT)
            begin = time.monotonic()
            try:
                _, said = server.communicate(timeout=DEADLINE)
            finally:
                server.kill()
    assert (first["symbol"], first["state"], len(first["bids"])) == ("BNBBTC", "LIVE", 3)
    assert second["id"] > first["id"]
    assert time.monotonic() - begin < 4, "Ctrl-C ends the server at once"
    assert "Traceback" not in said
