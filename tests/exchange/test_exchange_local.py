import json
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

import pytest
import requests

from depthactors import markets
from depthactors.errors import LifecycleError, RecordingError, UnknownMarketError, UsageError
from depthactors.exchange import BookTruth, Fault, LocalExchange
from depthactors.exchange.feeds.order_flow import OrderFlow
from depthactors.exchange.feeds.order_flow_feed import OrderFlowFeed
from tests.exchange.exchange_support import (
    CAPTURES,
    ROUTES,
    SPOT_EVENTS,
    SPOT_FINAL_ASKS,
    SPOT_FINAL_BIDS,
    SPOT_SNAPSHOT,
    SYMBOLS,
    Replay,
    bridging,
    futures_event,
    get,
    live,
    needs_captures,
    snapshot,
    spot_event,
    spot_messages,
    stream_of,
    write_recording,
)
from tests.support import table, until

STREAM = "btcusdt@depth@100ms"
MARKETS = list(SYMBOLS)


def futures_file(tmp_path):
    messages = [
        snapshot(100, [("10", "1")], [("11", "1")], E=5, T=5),
        futures_event(90, 95, 130, bids=[("9", "1")]),
        futures_event(130, 140, 150, bids=[("9", "2")]),
    ]
    return write_recording(tmp_path / "ethusdt.gz", messages)


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("depthactors-exchange")]


# Recordings.


def test_a_recording_is_served_whole_and_in_order(spot_file, connect):
    with LocalExchange.from_recording(spot_file) as exchange:
        assert exchange.symbols == ("BTCUSDT",)
        client = connect(exchange, "/stream")
        client.request("SUBSCRIBE", [STREAM], 7)
        assert client.receive() == {"result": None, "id": 7}
        assert client.events(len(SPOT_EVENTS)) == [{"stream": STREAM, "data": event} for event in SPOT_EVENTS]
        assert exchange.wait_finished(10)


def test_rest_shows_the_recorded_snapshot_before_and_the_last_book_after_the_playback(spot_file, connect):
    with LocalExchange.from_recording(str(spot_file)) as exchange:
        reply = get(exchange, "/api/v3/depth", symbol="BTCUSDT", limit=2).json()
        assert reply == SPOT_SNAPSHOT | {side: SPOT_SNAPSHOT[side][:2] for side in ("bids", "asks")}
        connect(exchange, f"/ws/{STREAM}")
        assert exchange.wait_finished(10)
        reply = get(exchange, "/api/v3/depth", symbol="BTCUSDT").json()
        assert reply == {"lastUpdateId": 111, "bids": SPOT_FINAL_BIDS, "asks": SPOT_FINAL_ASKS}


def test_many_recordings_are_distinguished_and_play_at_their_own_first_subscription(spot_file, tmp_path, connect):
    with LocalExchange.from_recording([spot_file, futures_file(tmp_path)]) as exchange:
        assert exchange.symbols == ("BTCUSDT", "ETHUSDT")
        spot = connect(exchange, f"/ws/{STREAM}")
        assert [event["u"] for event in spot.events(5)] == [95, 102, 103, 110, 111]
        assert exchange.wait_finished(10)
        reply = get(exchange, "/fapi/v1/depth", symbol="ETHUSDT", limit=5).json()
        assert reply == {"lastUpdateId": 100, "E": 5, "T": 5, "bids": [["10", "1"]], "asks": [["11", "1"]]}
        futures = connect(exchange, "/public/stream?streams=ethusdt@depth@500ms")
        assert [frame["data"]["u"] for frame in futures.events(2)] == [130, 150]


def test_a_recording_has_all_its_events_on_every_diff_stream(spot_file, connect):
    with LocalExchange.from_recording(spot_file, speed=20.0) as exchange:
        client = connect(exchange, "/stream?streams=btcusdt@depth/btcusdt@depth@100ms")
        ids = {"btcusdt@depth": [], STREAM: []}
        for frame in client.events(2 * len(SPOT_EVENTS)):
            ids[frame["stream"]].append(frame["data"]["u"])
        assert ids["btcusdt@depth"] == ids[STREAM] == [event["u"] for event in SPOT_EVENTS]


def test_a_speed_plays_by_the_recorded_times(tmp_path, connect):
    path = write_recording(tmp_path / "btcusdt.gz", spot_messages(), interval_ns=1_000_000_000)
    with LocalExchange.from_recording(path, speed=20.0) as exchange:
        client = connect(exchange, f"/ws/{STREAM}")
        # Five seconds at twenty times the speed.
        assert not exchange.wait_finished(0.15)
        assert client.events(len(SPOT_EVENTS)) == SPOT_EVENTS
        assert exchange.wait_finished(10)


def test_a_market_that_is_named_serves_the_recording(spot_file, connect):
    with LocalExchange.from_recording(spot_file, market="us") as exchange:
        assert exchange.market is markets.US
        assert connect(exchange, f"/ws/{STREAM}").receive() == SPOT_EVENTS[0]


def test_a_loop_goes_on_for_ever_and_is_true_in_every_lap(tmp_path, spot_file, connect):
    with LocalExchange.from_recording([spot_file, futures_file(tmp_path)], loop=True, speed=40.0) as exchange:
        for stream, first in ((STREAM, SPOT_SNAPSHOT), ("ethusdt@depth", None)):
            client = connect(exchange, f"/ws/{stream}")
            symbol = stream.partition("@")[0].upper()
            path = "/api/v3/depth" if first else "/fapi/v1/depth"
            book = Replay(get(exchange, path, symbol=symbol, limit=100).json())
            events = client.events(25)
            for before, event in pairwise(events):
                assert event.get("pu", event["U"] - 1) == before["u"]
                assert event["E"] >= before["E"]
            for event in events:
                if book.apply(event):
                    truth = exchange.book_at(symbol, event["u"])
                    assert (truth.bids, truth.asks) == book.book()
            assert events[-1]["u"] > events[0]["u"] + 50
        assert not exchange.wait_finished(0.0)


def test_wait_finished_says_when_time_ran_out(spot_file):
    with LocalExchange.from_recording(spot_file) as exchange:
        assert not exchange.wait_finished(0.01)


def test_wait_finished_waits_until_every_client_has_been_sent_the_last_event(tmp_path, connect):
    # More than sockets hold, for a client that reads nothing until then.
    events = [spot_event(101 + number, 101 + number, bids=[("9.5", "1." + "0" * 4_000)]) for number in range(400)]
    path = write_recording(tmp_path / "btcusdt.gz", [SPOT_SNAPSHOT, *events])
    with LocalExchange.from_recording(path) as exchange, ThreadPoolExecutor(1) as pool:
        client = connect(exchange, f"/ws/{STREAM}")
        finished = pool.submit(exchange.wait_finished, 10)
        assert [event["u"] for event in client.events(400)] == list(range(101, 501))
        assert finished.result(10)


def test_a_broken_recording_is_reported_by_wait_finished(tmp_path, connect):
    messages = [snapshot(100, [("1", "1")], []), futures_event(90, 95, 130), futures_event(130, 131, 140, bids=["?"])]
    with LocalExchange.from_recording(write_recording(tmp_path / "broken.gz", messages)) as exchange:
        connect(exchange, "/public/ws/ethusdt@depth")
        with pytest.raises(RecordingError, match=r"broken\.gz:3"):
            exchange.wait_finished(10)
        reply = get(exchange, "/fapi/v1/depth", symbol="ETHUSDT", limit=100)
        assert (reply.status_code, "broken.gz:3" in reply.json()["msg"]) == (503, True)


@needs_captures
@table("name", ["usdm/usdm-202107/sushiusdt", "coinm/coinm-20210417/btcusd_perp"])
def test_a_real_recording_arrives_whole_and_makes_the_books_of_book_at(name, connect):
    with LocalExchange.from_recording(CAPTURES / f"{name}.gz") as exchange:
        row, (symbol,) = exchange.market, exchange.symbols
        book = Replay(get(exchange, row.depth_path, symbol=symbol, limit=1000).json())
        client = connect(exchange, f"{row.stream_path}?streams={row.diff_stream(symbol)}")
        assert exchange.wait_finished(10)
        last_id = get(exchange, row.depth_path, symbol=symbol, limit=5).json()["lastUpdateId"]
        applied = 0
        while book.last_id < last_id:
            applied += book.apply(client.receive()["data"])
            if applied % 50 == 1:
                truth = exchange.book_at(symbol, book.last_id)
                assert (truth.bids, truth.asks) == book.book()
        assert applied > 100


# Order flow.


@table("market", MARKETS)
@pytest.mark.parametrize("repeat", [None, 30], ids=["live", "repeated"])
def test_order_flow_frames_and_a_snapshot_make_the_books_of_book_at(market, repeat, connect):
    with live(market, repeat=repeat) as exchange:
        client = connect(exchange, f"{ROUTES[market]}/ws/{stream_of(market, '@depth@100ms')}")
        first = client.receive()
        book, _ = bridging(exchange, market, first)
        applied, event = 0, first
        # Also over the end of a round, where events repeat.
        while applied < 45:
            if book.apply(event):
                applied += 1
                truth = exchange.book_at(SYMBOLS[market], book.last_id, market=market)
                assert isinstance(truth, BookTruth)
                assert (truth.bids, truth.asks) == book.book()
                assert truth.bids[0][0] < truth.asks[0][0]
            event = client.receive()


@pytest.mark.parametrize("repeat", [None, 30], ids=["live", "repeated"])
def test_symbols_come_in_any_case_and_are_all_served(repeat, connect):
    with live(repeat=repeat) as lone:
        assert lone.symbols == ("BTCUSDT",)
    names = [" ethusdt", "BtcUsdt"]
    with LocalExchange.with_order_flow(names, depth=40, levels=5.0, rate=500.0, repeat=repeat) as exchange:
        assert exchange.symbols == ("ETHUSDT", "BTCUSDT")
        client = connect(exchange, "/stream?streams=ethusdt@depth@100ms/btcusdt@depth@100ms")
        books = {}
        for frame in client.events(40):
            event = frame["data"]
            assert frame["stream"] == f"{event['s'].lower()}@depth@100ms"
            assert event["U"] == books.get(event["s"], event["U"] - 1) + 1
            books[event["s"]] = event["u"]
        assert set(books) == {"ETHUSDT", "BTCUSDT"}


def test_a_symbol_trades_from_when_it_is_first_asked_for(connect):
    figures = {"rate": 500.0, "levels": 6.0, "depth": 60}
    with LocalExchange.with_order_flow(["BTCUSDT", "ETHUSDT"], **figures) as exchange:

        def last_id():
            return get(exchange, "/api/v3/depth", symbol="BTCUSDT").json()["lastUpdateId"]

        first = last_id()
        until(lambda: last_id() > first)
        flow = OrderFlow("ETHUSDT", markets.SPOT, levels=6.0, depth=60)
        assert connect(exchange, "/ws/ethusdt@depth@100ms").receive()["U"] == flow.last_id + 1


@pytest.mark.parametrize("repeat", [None, 100], ids=["live", "repeated"])
def test_levels_and_depth_are_those_asked_for(repeat, connect):
    with live(levels=12.0, depth=150, repeat=repeat) as exchange:
        reply = get(exchange, "/api/v3/depth", symbol="BTCUSDT", limit=5000).json()
        for side in ("bids", "asks"):
            assert 100 < len(reply[side]) < 225
        events = connect(exchange, f"/ws/{STREAM}").events(90)
        # The event that leads back to the first book is longer than any other.
        sizes = sorted(len(event["b"]) + len(event["a"]) for event in events)[:-1]
        assert 6 < sum(sizes) / len(sizes) < 24


def test_the_rate_is_that_of_the_fastest_stream(connect):
    with live(rate=100.0) as exchange:
        times = [event["E"] for event in connect(exchange, f"/ws/{STREAM}").events(31)]
        assert 0.24 <= (times[-1] - times[0]) / 1_000 < 1.5


def test_history_is_how_far_book_at_reaches_back(connect):
    # Half a second of history: time for the client to ask for the last event that it read.
    with live(rate=2_000.0, history=1_000, depth=20, levels=2.0) as exchange:
        client = connect(exchange, f"/ws/{STREAM}")
        ids = [event["u"] for event in client.events(2_000)]
        assert exchange.book_at("BTCUSDT", ids[-1]).last_update_id == ids[-1]
        with pytest.raises(UsageError, match="kept history"):
            exchange.book_at("BTCUSDT", ids[0])


def test_limits_replace_the_markets_own(connect):
    with live(limits={"ping_interval": 0.05, "max_streams": 2}) as exchange:
        client = connect(exchange, "/ws")
        assert client.frame().opcode == 0x9
        client.request("SUBSCRIBE", ["a", "b", "c"])
        code, reason, before = client.ending()
        assert (code, reason) == (1008, "Invalid request")
        assert before == [{"error": {"code": 4, "msg": "Too many subscriptions"}}]


@table("source", ["flow", "repeat", "recording"])
def test_faults_strike_from_the_start_and_when_injected_and_are_counted(source, spot_file):
    faults = [Fault("500", count=2, every=1)]
    make = {
        "flow": lambda: live(faults=faults),
        "repeat": lambda: live(faults=faults, repeat=5),
        "recording": lambda: LocalExchange.from_recording(spot_file, faults=faults),
    }
    with make[source]() as exchange:

        def status():
            return get(exchange, "/api/v3/depth", symbol="BTCUSDT").status_code

        assert exchange.strikes() == {}
        assert [status() for _ in range(3)] == [500, 500, 200]
        exchange.inject(Fault("418", at=2, seconds=7))
        assert [status() for _ in range(3)] == [200, 418, 200]
        assert exchange.strikes() == {"500": 2, "418": 1}


def test_a_repeated_flow_plays_what_its_seed_made_beforehand(connect):
    with live(repeat=10) as exchange:
        events = connect(exchange, f"/ws/{STREAM}").events(30)
        assert [event["b"] for event in events[:11]] == [event["b"] for event in events[11:22]]
        assert all(later["U"] == before["u"] + 1 for before, later in pairwise(events))


# Several markets on one port.


@pytest.fixture
def mixed():
    """One symbol in three markets, and one of its own."""
    rows = [("BTCUSDT", markets.USDM), ("BTCUSDT", markets.SPOT), ("BTCUSD_PERP", markets.COINM)]
    with LocalExchange(
        OrderFlowFeed(symbol, row, rate=500.0, levels=5.0, depth=40) for symbol, row in rows
    ) as exchange:
        yield exchange


def test_markets_share_a_port_and_the_first_of_them_has_the_unrouted_paths(mixed, connect):
    assert mixed.market is markets.SPOT
    assert mixed.symbols == ("BTCUSDT", "BTCUSD_PERP", "BTCUSDT")
    assert "pu" not in connect(mixed, f"/ws/{STREAM}").receive()
    assert connect(mixed, f"/public/ws/{STREAM}").receive()["st"] == 1
    assert connect(mixed, "/ws/btcusd_perp@depth").receive()["st"] == 2


def test_the_truth_of_a_symbol_in_two_markets_is_found_by_the_markets_name(mixed, connect):
    spot = connect(mixed, f"/ws/{STREAM}").receive()
    futures = connect(mixed, f"/public/ws/{STREAM}").receive()
    assert mixed.book_at("BTCUSDT", spot["u"]) == mixed.book_at("BTCUSDT", spot["u"], market="spot")
    assert mixed.book_at("BTCUSDT", futures["u"], market="usdm").last_update_id == futures["u"]
    assert mixed.book_at("BTCUSDT", futures["u"]) == mixed.book_at("BTCUSDT", futures["u"], market="usdm")
    assert mixed.book_at("BTCUSDT", futures["u"], market="usdm-testnet").last_update_id == futures["u"]
    with pytest.raises(UsageError, match="was 7"):
        mixed.book_at("BTCUSDT", 7)
    for symbol, market in (("BTCUSDT", "coinm"), ("DOGEUSDT", None), ("btcusdt", None)):
        with pytest.raises(UsageError, match=rf"expected a symbol served here \(spot BTCUSDT, .*'{symbol}'"):
            mixed.book_at(symbol, 1, market=market)


# Bad values.


@table("repeat", [None, 5])
@table(
    ("figures", "told"),
    [
        ({"rate": 0}, "rate above zero, was 0"),
        ({"rate": -2.5}, "was -2.5"),
        ({"rate": float("nan")}, "was nan"),
        ({"levels": 0}, "was 0"),
        ({"levels": 5_000}, "was 5000"),
        ({"depth": 3}, "depth .* was 3"),
        ({"symbols": []}, "at least one feed, was none"),
        ({"symbols": ["BTCUSDT", "btcusdt"]}, "second one of spot BTCUSDT"),
        ({"symbols": "BTC USDT"}, "was 'BTC USDT'"),
        ({"symbols": ["BTCUSDT", ""]}, "was ''"),
        ({"limits": {"pings": 1}}, "expected a limit .* was 'pings'"),
        ({"limits": {"ping_interval": 0}}, "ping_interval above zero, was 0"),
    ],
)
def test_a_figure_that_makes_no_sense_is_named(figures, told, repeat):
    arguments = {"symbols": "BTCUSDT", "repeat": repeat} | figures
    with pytest.raises(UsageError, match=told):
        LocalExchange.with_order_flow(**arguments)


@table("history", [0, -1])
def test_a_history_of_nothing_is_named(history):
    with pytest.raises(UsageError, match=f"history.* was {history}$"):
        LocalExchange.with_order_flow("BTCUSDT", history=history)


@table("repeat", [0, -3])
def test_a_repetition_of_nothing_is_named(repeat):
    with pytest.raises(UsageError, match=f"repeat.* was {repeat}$"):
        LocalExchange.with_order_flow("BTCUSDT", repeat=repeat)


def test_an_unknown_market_is_named(spot_file):
    for make in (
        lambda: LocalExchange.with_order_flow("BTCUSDT", market="moon"),
        lambda: LocalExchange.from_recording(spot_file, market="moon"),
    ):
        with pytest.raises(UnknownMarketError, match="was 'moon'"):
            make()


@table("speed", [0.0, -1.0, float("nan")])
def test_a_speed_that_is_not_above_zero_is_named(spot_file, speed):
    with pytest.raises(UsageError, match=f"speed above zero or None, was {speed!r}"):
        LocalExchange.from_recording(spot_file, speed=speed)


def test_recordings_must_be_some_and_of_different_symbols(spot_file, tmp_path):
    with pytest.raises(UsageError, match="at least one feed, was none"):
        LocalExchange.from_recording([])
    twin = write_recording(tmp_path / "twin.gz", spot_messages())
    with pytest.raises(UsageError, match="second one of spot BTCUSDT"):
        LocalExchange.from_recording([spot_file, twin])
    with pytest.raises(RecordingError, match=r"nowhere\.gz"):
        LocalExchange.from_recording(tmp_path / "nowhere.gz")


def test_there_must_be_a_recording_to_wait_for():
    with pytest.raises(UsageError, match="a recording to wait for, was none"):
        live().wait_finished(0.0)


# Lifecycle.


def test_nothing_listens_and_nothing_runs_before_the_start(spot_file):
    before = threads()
    exchange = LocalExchange.from_recording(spot_file)
    assert threads() == before
    for read in (lambda: exchange.port, lambda: exchange.url):
        with pytest.raises(LifecycleError, match=r"call start\(\)"):
            read()
    assert not exchange.wait_finished(0.0)
    exchange.stop()


def test_start_answers_at_once_and_is_idempotent():
    exchange = live()
    with exchange.start() as same:
        assert same is exchange
        port = exchange.port
        assert exchange.start().port == port
        assert exchange.url == f"http://127.0.0.1:{port}"
        assert requests.get(f"{exchange.url}/api/v3/ping", timeout=5).json() == {}


def test_stop_closes_connections_the_port_and_every_thread(connect):
    before = set(threads())
    exchange = live().start()
    streaming, idle = connect(exchange, f"/ws/{STREAM}"), connect(exchange, "/ws")
    streaming.receive()
    port = exchange.port
    with ThreadPoolExecutor() as pool:
        endings = [pool.submit(client.ending) for client in (streaming, idle)]
        exchange.stop()
        assert [ending.result(5)[0] for ending in endings] == [1001, 1001]
    assert set(threads()) <= before
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def test_stop_does_not_wait_for_clients_that_say_nothing():
    with live() as exchange, socket.create_connection(("127.0.0.1", exchange.port), timeout=5) as silent:
        silent.sendall(b"GET /api/v3/de")
        exchange.stop(timeout=3.0)
        # Its request was not read to the end, so that TCP may end the connection with a reset.
        with suppress(ConnectionResetError):
            assert silent.recv(10) == b""


def test_stop_is_idempotent_from_any_thread_and_final(spot_file):
    exchange = live().start()
    with ThreadPoolExecutor(4) as pool:
        for stopping in [pool.submit(exchange.stop) for _ in range(4)]:
            stopping.result(5)
    exchange.stop()
    with pytest.raises(LifecycleError, match="was stopped"):
        exchange.start()
    never_started = LocalExchange.from_recording(spot_file)
    never_started.stop()
    never_started.stop()
    with pytest.raises(LifecycleError, match="was stopped"):
        never_started.start()


def test_the_truth_is_known_before_the_start_and_after_the_stop(spot_file):
    exchange = LocalExchange.from_recording(spot_file)
    assert exchange.book_at("BTCUSDT", 100).last_update_id == 100
    exchange.start()
    exchange.stop()
    assert exchange.book_at("BTCUSDT", 100).last_update_id == 100
    with pytest.raises(UsageError, match="expected an update id"):
        exchange.book_at("BTCUSDT", 5)


@table("source", ["flow", "repeat", "recording"])
def test_a_given_port_is_used_and_a_taken_one_is_an_error(source, spot_file):
    def make(port):
        if source == "recording":
            return LocalExchange.from_recording(spot_file, port=port)
        return live(port=port, repeat=5 if source == "repeat" else None)

    with make(0) as first:
        port = first.port
        second = make(port)
        with pytest.raises(OSError, match="in use"):
            second.start()
        second.stop()
    with make(port) as third:
        assert third.port == port


# The package without its extra.


BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == "websockets":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def without_websockets(code):
    """Run code in an interpreter that has no `websockets`."""
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + code], capture_output=True, text=True, timeout=20, check=False
    )


def test_the_package_is_imported_without_websockets_and_only_serving_needs_it():
    done = without_websockets(
        "import json\n"
        "import depthactors.exchange as exchange\n"
        "fault = exchange.Fault('drop')\n"
        "from depthactors.exchange import KINDS, BookTruth, Limits\n"
        "try:\n"
        "    exchange.LocalExchange\n"
        "except ImportError as error:\n"
        "    print(json.dumps([fault.kind in KINDS, type(error).__name__, str(error)]))\n"
        "from depthactors.exchange import LocalExchange\n"
    )
    works, kind, message = json.loads(done.stdout)
    assert (works, kind) == (True, "DependencyError")
    assert "'websockets'" in message
    assert "pip install 'depthactors[demo]'" in message
    # An import by name ends the program with the remedy.
    assert done.returncode == 1
    assert "pip install 'depthactors[demo]'" in done.stderr.splitlines()[-1]


def test_every_public_name_is_there_and_no_other():
    import depthactors.exchange as package  # noqa: PLC0415 - the package itself is the subject

    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match=r"'depthactors\.exchange' has no attribute 'Nonsense'"):
        _ = package.Nonsense


def test_a_loop_needs_a_speed(spot_file):
    with pytest.raises(UsageError, match="expected a speed for a loop, was None"):
        LocalExchange.from_recording(spot_file, loop=True)
