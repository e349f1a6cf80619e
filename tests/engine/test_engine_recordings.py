"""Recorded real traffic through real sockets: the engine and the manager end where the replay ends."""

from decimal import Decimal

import pytest

from depthactors import BookState, DepthEngine, ThreadedDepthCacheManager
from depthactors.exchange import LocalExchange
from depthactors.replay import replay
from tests.support import Recorder, digest_of, until


def live_at(handle, update_id):
    view = handle.view()
    return view.state is BookState.LIVE and view.last_update_id == update_id


def test_engine_ends_where_the_replay_ends(capture, monkeypatch):
    expected = replay(capture)
    with LocalExchange.from_recording(capture) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with DepthEngine(market=expected.market, number=Decimal) as engine:
            updates = Recorder()
            book = engine.subscribe(expected.symbol, depth=20, on_update=updates)
            assert exchange.wait_finished(timeout=40)
            until(lambda: live_at(book, expected.last_update_id))
            assert digest_of(book.view()) == expected.top_digest
            assert engine.status().books[0].counters.gaps == 0


@pytest.mark.full
def test_manager_ends_where_the_replay_ends(short_capture, monkeypatch):
    expected = replay(short_capture)
    with LocalExchange.from_recording(short_capture) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with ThreadedDepthCacheManager() as manager:
            start = {
                "spot": manager.start_depth_cache,
                "usdm": manager.start_futures_depth_socket,
                "coinm": manager.start_coin_futures_depth_socket,
            }[expected.market]
            updates = Recorder()
            start(updates, expected.symbol, limit=20, conv_type=Decimal, ws_interval=100)
            assert exchange.wait_finished(timeout=40)

            def done():
                cache = updates.seen[-1] if updates.seen else None
                view = cache.view(20) if cache else None
                return bool(view) and view.state is BookState.LIVE and view.last_update_id == expected.last_update_id

            until(done)
            assert digest_of(updates.seen[-1].view(20)) == expected.top_digest


@pytest.mark.one_process
def test_ten_recordings_share_a_connection_while_symbols_come_and_go(captures, monkeypatch):
    files = sorted(captures.glob("coinm/coinm-20210417/*.gz"))
    if len(files) < 10:
        pytest.skip("the ten COIN-M recordings are not there")
    expected = {result.symbol: result for result in map(replay, files)}
    *followed, late = expected
    leaver = followed.pop()
    with LocalExchange.from_recording(files, speed=40.0) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with DepthEngine(market="coinm", number=Decimal) as engine:
            updates = Recorder()
            books = engine.subscribe_many(followed, depth=20, on_update=updates)
            leaving = engine.subscribe(leaver, depth=20)
            engine.wait_live(timeout=20)
            engine.unsubscribe(leaving)
            books.append(engine.subscribe(late, depth=20, on_update=updates))
            assert exchange.wait_finished(timeout=40)
            for book in books:
                until(lambda book=book: live_at(book, expected[book.symbol].last_update_id))
            status = engine.status()

            assert leaving.state is BookState.STOPPED
            assert [socket.epoch for socket in status.sockets] == [1]
            assert {row.symbol for row in status.books} == {*followed, late}
            for book in books:
                assert digest_of(book.view()) == expected[book.symbol].top_digest
            for row in status.books:
                assert (row.counters.gaps, row.counters.resyncs, row.restarts) == (0, 0, 0)
