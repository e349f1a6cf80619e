import builtins
import importlib
import json
import sys

import pytest
from exchange_support import (
    CAPTURES,
    SPOT_EVENTS,
    SPOT_FINAL_ASKS,
    SPOT_FINAL_BIDS,
    Replay,
    futures_event,
    get,
    needs_captures,
    snapshot,
    write_recording,
)

from depthactors import markets
from depthactors.errors import LifecycleError, RecordingError, UnknownMarketError, UsageError
from depthactors.exchange import LocalExchange

STREAM = "btcusdt@depth@100ms"


def test_recording_is_served_whole_and_in_order(spot_file, connect):
    with LocalExchange.from_recording(spot_file) as exchange:
        assert exchange.symbols == ("BTCUSDT",)
        client = connect(exchange, "/stream")
        client.request("SUBSCRIBE", [STREAM], 7)
        assert client.receive() == {"result": None, "id": 7}
        assert [client.receive() for _ in SPOT_EVENTS] == [{"stream": STREAM, "data": event} for event in SPOT_EVENTS]
        assert exchange.wait_finished(10)


def test_depth_before_and_after_the_playback(spot_file, connect):
    with LocalExchange.from_recording(str(spot_file)) as exchange:
        reply = get(exchange, "/api/v3/depth", symbol="BTCUSDT", limit=2).json()
        assert reply == {
            "lastUpdateId": 100,
            "bids": [["100.00", "1.0"], ["99.00", "3.0"]],
            "asks": [["101.00", "1.0"], ["102.00", "2.0"]],
        }
        connect(exchange, f"/ws/{STREAM}")
        assert exchange.wait_finished(10)
        reply = get(exchange, "/api/v3/depth", symbol="BTCUSDT").json()
        assert reply == {"lastUpdateId": 111, "bids": SPOT_FINAL_BIDS, "asks": SPOT_FINAL_ASKS}


def test_raw_and_combined_and_other_names_of_the_same_stream(spot_file, connect):
    with LocalExchange.from_recording([spot_file], speed=1.0) as exchange:
        raw = connect(exchange, "/ws/btcusdt@depth")
        assert raw.receive() == SPOT_EVENTS[0]
        combined = connect(exchange, "/stream?streams=btcusdt@depth@0ms")
        assert combined.receive()["stream"] == "btcusdt@depth@0ms"


def test_recorded_speed(spot_file, connect):
    with LocalExchange.from_recording(spot_file, speed=10.0) as exchange:
        client = connect(exchange, f"/ws/{STREAM}")
        assert [client.receive() for _ in SPOT_EVENTS] == SPOT_EVENTS


def test_symbols_are_told_apart_and_play_at_their_own_first_subscription(spot_file, tmp_path, connect):
    other = write_recording(
        tmp_path / "ethusdt.gz",
        [snapshot(100, [("10", "1")], [("11", "1")], E=5, T=4), futures_event(90, 95, 130, bids=[("9", "1")])],
    )
    with LocalExchange.from_recording([spot_file, other]) as exchange:
        assert exchange.symbols == ("BTCUSDT", "ETHUSDT")
        spot = connect(exchange, f"/ws/{STREAM}")
        assert [spot.receive()["u"] for _ in SPOT_EVENTS] == [95, 102, 103, 110, 111]
        reply = get(exchange, "/fapi/v1/depth", symbol="ETHUSDT", limit=5).json()
        assert reply == {"lastUpdateId": 100, "E": 5, "T": 4, "bids": [["10", "1"]], "asks": [["11", "1"]]}
        futures = connect(exchange, "/public/stream?streams=ethusdt@depth@500ms")
        assert futures.receive()["data"]["u"] == 130


def test_every_subscriber_gets_each_further_event(spot_file, connect):
    with LocalExchange.from_recording(spot_file, speed=2.0) as exchange:
        clients = [connect(exchange, "/ws") for _ in range(3)]
        # Connected before the first event, subscribed by the time of the last one.
        for client in clients:
            client.request("SUBSCRIBE", [STREAM])
            assert client.receive() == {"result": None, "id": 1}
        for client in clients:
            while client.receive()["u"] != 111:
                pass


def test_unknown_and_upper_case_streams_are_acked_and_silent(flow, connect):
    client = connect(flow, "/ws")
    names = ["xrpusdt@depth", "BTCUSDT@depth", "btcusdt@depth@500ms", "btcusdt@trade"]
    assert client.ask("SUBSCRIBE", names) == ({"result": None, "id": 101}, [])
    live = connect(flow, "/ws/btcusdt@depth")
    for _ in range(5):
        live.receive()
    assert client.ask("LIST_SUBSCRIPTIONS") == ({"result": names, "id": 102}, [])


def test_unsubscribe_ends_the_stream_at_its_ack(flow, connect):
    client = connect(flow, "/ws/btcusdt@depth")
    client.receive()
    client.ask("UNSUBSCRIBE", ["btcusdt@depth"])
    live = connect(flow, "/ws/btcusdt@depth")
    for _ in range(5):
        live.receive()
    assert client.ask("LIST_SUBSCRIPTIONS") == ({"result": [], "id": 102}, [])


def test_set_property_combined(flow, connect):
    client = connect(flow, "/ws/btcusdt@depth")
    assert "stream" not in client.receive()
    client.ask("SET_PROPERTY", ["combined", True])
    assert client.receive()["stream"] == "btcusdt@depth"


def test_bad_requests_over_the_wire(flow, connect):
    client = connect(flow, "/ws")
    client.send("{nonsense")
    assert client.receive()["error"]["code"] == 3
    client.request("NOT_A_METHOD", [], 2)
    reply = client.receive()
    assert (reply["error"]["code"], reply["id"]) == (2, 2)
    assert reply["error"]["msg"].startswith("Invalid request: unknown variant `NOT_A_METHOD`")


@pytest.mark.parametrize("market", ["spot", "us", "usdm", "coinm", "options"])
def test_order_flow_frames_and_snapshot_make_the_books_of_book_at(market, connect):
    row = markets.lookup(market)
    with LocalExchange.with_order_flow(["btcusdt"], market=market, seed=4, rate=300.0) as exchange:
        client = connect(exchange, row.stream_path)
        stream = row.diff_stream("BTCUSDT")
        client.request("SUBSCRIBE", [stream])
        assert client.receive() == {"result": None, "id": 1}
        first = client.receive()
        reply = get(exchange, row.depth_path, symbol="BTCUSDT", limit=row.max_limit).json()
        book = Replay(reply)
        applied = 0
        frames = iter([first])
        while applied < 100:
            frame = next(frames, None) or client.receive()
            assert frame["stream"] == stream
            if book.apply(frame["data"]):
                applied += 1
                truth = exchange.book_at("BTCUSDT", book.last_id)
                assert (truth.bids, truth.asks) == book.book()
                assert truth.bids[0][0] < truth.asks[0][0]


@needs_captures
@pytest.mark.parametrize(
    "name", ["usdm/usdm-202107/sushiusdt", "spot/spot-20240808/btcusdt", "coinm/coinm-20210417/btcusd_perp"]
)
def test_a_real_recording_arrives_whole_and_makes_the_books_of_book_at(name, connect):
    with LocalExchange.from_recording(CAPTURES / f"{name}.gz") as exchange:
        (feed,) = exchange._catalogue.feeds
        row = feed.market
        reply = get(exchange, row.depth_path, symbol=feed.symbol, limit=row.max_limit).json()
        client = connect(exchange, row.stream_path)
        stream = row.diff_stream(feed.symbol)
        client.ask("SUBSCRIBE", [stream])
        book = Replay(reply)
        applied = 0
        final = None
        while final is None or book.last_id < final:
            applied += book.apply(client.receive()["data"])
            if applied % 50 == 1:
                truth = exchange.book_at(feed.symbol, book.last_id)
                assert (truth.bids, truth.asks) == book.book()
            if final is None and exchange._player._recordings_ended():
                final = feed._ledger.last_id
        assert exchange.wait_finished(5)
        assert applied > 100


def test_book_at_after_stop_and_unknown_symbols(spot_file):
    exchange = LocalExchange.from_recording(spot_file).start()
    exchange.stop()
    assert exchange.book_at("BTCUSDT", 100).last_update_id == 100
    with pytest.raises(UsageError, match="expected an update id"):
        exchange.book_at("BTCUSDT", 5)
    with pytest.raises(UsageError, match="expected a symbol served here"):
        exchange.book_at("ETHUSDT", 5)


def test_life_cycle(spot_file):
    exchange = LocalExchange.from_recording(spot_file)
    with pytest.raises(LifecycleError, match="start"):
        _ = exchange.url
    assert not exchange.wait_finished(0.0)
    with exchange.start() as same:
        assert same is exchange
        assert exchange.url == f"http://127.0.0.1:{exchange.port}"
    exchange.stop()
    with pytest.raises(LifecycleError, match="not stopped"):
        exchange.start()


def test_stop_before_start(spot_file):
    exchange = LocalExchange.from_recording(spot_file)
    exchange.stop()
    exchange.stop()


def test_given_port_is_used():
    with LocalExchange.with_order_flow("BTCUSDT") as first:
        taken = first.port
        with pytest.raises(OSError, match="in use"):
            LocalExchange(LocalExchange.with_order_flow("BTCUSDT")._catalogue.feeds, port=taken).start()
    with LocalExchange(LocalExchange.with_order_flow("BTCUSDT")._catalogue.feeds, port=taken) as second:
        assert second.port == taken


def test_wrong_arguments(spot_file):
    with pytest.raises(UsageError, match="recording to wait for"):
        LocalExchange.with_order_flow("BTCUSDT").wait_finished(0.0)
    with pytest.raises(UsageError, match="at least one feed"):
        LocalExchange.from_recording([])
    with pytest.raises(UsageError, match="second one of spot BTCUSDT"):
        LocalExchange.with_order_flow(["BTCUSDT", "btcusdt"])
    with pytest.raises(UnknownMarketError):
        LocalExchange.with_order_flow("BTCUSDT", market="moon")
    with pytest.raises(UsageError, match="speed"):
        LocalExchange.from_recording(spot_file, speed=0.0)


def test_broken_recording_is_told_by_wait_finished(tmp_path, spot_file, connect):
    with LocalExchange.from_recording(
        write_recording(
            tmp_path / "broken.gz",
            [
                snapshot(100, [("1", "1")], []),
                futures_event(90, 95, 130, symbol="BTCUSDT"),
                futures_event(130, 131, 140, bids=["?"], symbol="BTCUSDT"),
            ],
        )
    ) as exchange:
        connect(exchange, "/public/ws/btcusdt@depth")
        with pytest.raises(RecordingError, match=r"broken\.gz:3"):
            exchange.wait_finished(10)


def test_import_without_websockets_tells_the_remedy(monkeypatch):
    for name in [each for each in sys.modules if each.startswith("depthactors.exchange")]:
        monkeypatch.delitem(sys.modules, name)
    genuine = builtins.__import__

    def without_websockets(name, *args, **kwargs):
        if name.startswith("websockets"):
            raise ModuleNotFoundError(name)
        return genuine(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_websockets)
    with pytest.raises(ImportError, match=r"pip install depthactors\[demo\]"):
        importlib.import_module("depthactors.exchange")


def test_frames_are_json_as_recorded(spot_file, connect):
    with LocalExchange.from_recording(spot_file) as exchange:
        client = connect(exchange, f"/ws/{STREAM}")
        assert client.socket.recv() == json.dumps(SPOT_EVENTS[0], separators=(",", ":"))
