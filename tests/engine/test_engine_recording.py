"""An engine that records: what arrived is in its files or in their gaps, and its books never wait for the disk."""

import json
import os
import signal
from itertools import pairwise

import pytest

from depthactors import DepthEngine, recording
from depthactors.actors import book as book_module
from depthactors.actors.questions import Status
from depthactors.actors.supervisor_messages import ReconnectExhausted
from depthactors.dispatcher.mailbox import tell
from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.engine.machine import Machine
from depthactors.errors import ReconnectsExhaustedError, RecordingError, StreamError, UsageError
from depthactors.net.network import SocketNetwork
from depthactors.pacing import Timing
from depthactors.recording import RecordTo
from depthactors.replay import replay
from tests.actors.fake_disk import FULL, FakeDisk
from tests.engine.simulated import BTC, ETH, LIVE, following
from tests.support import table, until

pytestmark = pytest.mark.one_process
ALWAYS = ("file", "end")


def files_of(folder, symbol):
    return sorted(folder.glob(f"{symbol.lower()}-*.gz"))


def notes_of(path):
    rows = path.with_name(path.name.replace(".gz", ".notes.jsonl")).read_text().splitlines()
    return [json.loads(row) for row in rows]


def notes_in(folder, symbol):
    return [row for path in files_of(folder, symbol) for row in notes_of(path)]


def ids_in(folder, symbol):
    """Return the last id of each depth event in all files."""
    return {line.event["u"] for path in files_of(folder, symbol) for line in recording.read(path) if line.is_diff}


def seen_by(follower):
    """Return the ids of all updates that the callbacks got; the first may be the snapshot's own."""
    return [view.last_update_id for view in follower.views][1:]


def check_each_alone(folder, symbol):
    """Check that each file begins with a snapshot, is in sequence at its end, and says what it has."""
    for path in files_of(folder, symbol):
        first = next(recording.read(path))
        result, end = replay(path), notes_of(path)[-1]
        assert (first.is_snapshot, result.repaired, result.cut) == (True, True, False)
        assert (end["row"], end["cut"], end["events"], end["frames"]) == ("end", False, result.events, result.frames)


def test_every_event_is_in_the_files_and_each_file_stands_alone(tmp_path):
    with following(BTC, ETH, record=RecordTo(tmp_path, rotate="15s")) as (simulated, engine, *followers):
        simulated.run(50.0)
        for row in engine.status().books:
            assert (row.recording.lost, row.recording.gaps, row.recording.error) == (0, 0, None)
    for each in followers:
        files = files_of(tmp_path, each.symbol)
        assert 3 <= len(files) <= 4
        assert set(seen_by(each)) <= ids_in(tmp_path, each.symbol)
        check_each_alone(tmp_path, each.symbol)
        for former, later in pairwise(files):
            (overlap,) = [row for row in notes_of(former) if row["row"] == "overlap"]
            assert overlap["next_file"] == later.name
        assert {row["row"] for row in notes_in(tmp_path, each.symbol)} == {*ALWAYS, "overlap"}


def test_a_reconnect_is_a_gap_with_its_reason_and_the_recording_goes_on(tmp_path):
    with following(BTC, record=tmp_path) as (simulated, _, btc):
        simulated.run(5.0)
        simulated.strike("cut", BTC)
        simulated.until(lambda: btc.states[-1] is not LIVE)
        simulated.until(lambda: btc.states[-1] is LIVE)
        simulated.run(5.0)
    (gap,) = [row for row in notes_in(tmp_path, BTC) if row["row"] == "gap"]
    assert gap["why"].startswith("disconnected: ")
    assert gap["from_id"] < gap["to_id"]
    check_each_alone(tmp_path, BTC)
    missing = set(seen_by(btc)) - ids_in(tmp_path, BTC)
    assert all(gap["from_id"] < each <= gap["to_id"] for each in missing)


def test_ids_that_begin_anew_are_a_gap_and_later_gaps_are_seen(tmp_path):
    with following(BTC, record=tmp_path) as (simulated, _, btc):
        simulated.run(5.0)
        simulated.strike("new-ids", BTC)
        simulated.until(lambda: len(btc.states) >= 3 and btc.states[-1] is LIVE)
        simulated.run(20.0)
        simulated.strike("drop", BTC)
        simulated.until(lambda: btc.counters.gaps >= 1)
        simulated.run(20.0)
    first, second = [row for row in notes_in(tmp_path, BTC) if row["row"] == "gap"]
    assert first["from_id"] > first["to_id"]
    assert second["from_id"] < second["to_id"]
    check_each_alone(tmp_path, BTC)
    assert len(ids_in(tmp_path, BTC)) >= len(seen_by(btc))


def test_two_connections_beside_each_other_write_nothing_twice_and_lose_nothing(tmp_path):
    with following(BTC, record=tmp_path, rotate_after=10.0) as (simulated, engine, btc):
        simulated.until(lambda: engine.status().sockets[0].rotations >= 2)
        simulated.run(5.0)
    (path,) = files_of(tmp_path, BTC)
    result = replay(path)
    assert (result.gaps, result.resyncs, result.applied) == (0, 0, result.events)
    assert [row["row"] for row in notes_of(path)] == [*ALWAYS]
    assert set(seen_by(btc)) <= ids_in(tmp_path, BTC)


def test_a_book_that_is_unsubscribed_has_its_proof_when_the_call_returns_and_can_be_followed_anew(tmp_path):
    with following(BTC, ETH, record=tmp_path) as (simulated, engine, btc, eth):
        simulated.run(5.0)
        engine.unsubscribe(btc.handle)
        (path,) = files_of(tmp_path, BTC)
        assert notes_of(path)[-1]["row"] == "end"
        assert notes_in(tmp_path, ETH)[-1]["row"] == "file"
        simulated.follow(engine, BTC)
        simulated.run(5.0)
    assert len(files_of(tmp_path, BTC)) == 2
    for symbol in (BTC, ETH):
        check_each_alone(tmp_path, symbol)
    assert eth.states[:-1] == [LIVE]


def test_a_book_that_is_given_up_has_a_file_that_says_why(tmp_path):
    with following(BTC, record=tmp_path, max_reconnects=0) as (simulated, _, btc):
        simulated.run(5.0)
        simulated.strike("cut", BTC)
        simulated.until(lambda: btc.handle.state.over)
        simulated.run(1.0)
        end = notes_in(tmp_path, BTC)[-1]
    assert isinstance(btc.handle.error, ReconnectsExhaustedError)
    assert (end["row"], end["why"]) == ("end", str(btc.handle.error))


def test_a_book_whose_actor_dies_is_recorded_by_its_successor(tmp_path, monkeypatch):
    read_diff, frames = book_module.binance.read_diff, []

    def poisoned(*arguments):
        frames.append(arguments)
        if len(frames) == 60:
            raise ZeroDivisionError
        return read_diff(*arguments)

    monkeypatch.setattr(book_module.binance, "read_diff", poisoned)
    with following(BTC, record=tmp_path) as (simulated, _, btc):
        simulated.until(lambda: btc.row.restarts == 1)
        simulated.until(lambda: btc.handle.state is LIVE)
        simulated.run(5.0)
    check_each_alone(tmp_path, BTC)
    gaps = [row for row in notes_in(tmp_path, BTC) if row["row"] == "gap"]
    missing = set(seen_by(btc)) - ids_in(tmp_path, BTC)
    assert all(any(gap["from_id"] < each <= gap["to_id"] for gap in gaps) for each in missing)
    assert len(gaps) == 1


def test_the_files_are_closed_after_the_death_of_the_supervisor(exchange, tmp_path):
    with DepthEngine(record=tmp_path) as engine:
        book = engine.subscribe("BTCUSDT").wait_live()
        until(lambda: book.status().recording.frames)
        engine._runtime._supervisor.stop(block=False)
        until(lambda: notes_in(tmp_path, "BTCUSDT")[-1]["row"] == "end")
    check_each_alone(tmp_path, "BTCUSDT")


@pytest.fixture
def on_fake_disk(exchange):
    """An engine that records on a fake disk, the disk, and the errors that the engine reported."""
    disk, errors = FakeDisk(), []

    class Engine(DepthEngine):
        _machine = Machine(PooledDispatcher, SocketNetwork, open_files=disk.open)

    def start(folder, **settings):
        return Engine(record=folder, on_error=errors.append, **settings)

    yield start, disk, errors
    disk.full = None
    disk.block()()


def test_no_book_waits_for_a_disk_that_takes_nothing(on_fake_disk, tmp_path):
    start, disk, _ = on_fake_disk
    with start(tmp_path, refresh_interval=None) as engine:
        handles = engine.subscribe_many(["BTCUSDT", "ETHUSDT"])
        engine.wait_live()
        go_on = disk.block()
        before = [handle.view().last_update_id for handle in handles]
        until(lambda: all(each.view().last_update_id > id_ + 200 for each, id_ in zip(handles, before, strict=True)))
        assert [handle.state for handle in handles] == [LIVE] * 2
        go_on()
    assert [files.closed is not None for files in disk.files] == [True] * 2


def test_a_full_disk_is_an_error_of_the_status_and_reported_once_and_the_books_go_on(on_fake_disk, tmp_path):
    start, disk, errors = on_fake_disk
    with start(tmp_path) as engine:
        handles = engine.subscribe_many(["BTCUSDT", "ETHUSDT"])
        engine.wait_live()
        until(lambda: all(row.recording.frames for row in engine.status().books))
        disk.full = FULL
        until(lambda: all(row.recording.error == str(FULL) for row in engine.status().books))
        assert [handle.state for handle in handles] == [LIVE] * 2
        disk.full = None
        until(lambda: all(row.recording.error is None for row in engine.status().books))
    (error,) = errors
    assert (type(error), str(FULL) in str(error)) == (RecordingError, True)


def test_stop_does_not_wait_longer_than_its_deadline_for_the_disk(on_fake_disk, tmp_path):
    start, disk, _ = on_fake_disk
    with start(tmp_path) as engine:
        engine.subscribe("BTCUSDT").wait_live()
        until(lambda: disk.files)
        go_on = disk.block()
        engine.stop(timeout=0.2)
        go_on()
    until(lambda: disk.files[0].closed)


@table(
    "record, words",
    [(5, "expected a folder"), ("", "expected a folder"), (b"data", "expected a folder"), (["a"], "expected a folder")],
)
def test_what_is_no_folder_is_refused(record, words):
    with pytest.raises(UsageError, match=words):
        DepthEngine(record=record)


def test_a_folder_in_which_no_files_can_be_made_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        RecordingError, match="file/data: expected a folder in which files can be made: Not a directory"
    ):
        DepthEngine(record=tmp_path / "file" / "data")


def test_a_symbol_is_recorded_at_one_speed(tmp_path):
    with following(BTC, record=tmp_path) as (_, engine, btc):
        with pytest.raises(UsageError, match=r"one speed of BTCUSDT \(spot\), which is recorded, was 100 and 1000 ms"):
            engine.subscribe(BTC, speed_ms=1000)
        engine.unsubscribe(btc.handle)
        engine.subscribe(BTC, speed_ms=1000)


def test_an_engine_that_does_not_record_has_no_recording_in_its_status():
    with following(BTC) as (_, _, btc):
        assert btc.row.recording is None


def test_worker_processes_record_their_books(exchange, tmp_path):
    errors = []
    with DepthEngine(record=tmp_path, processes=1, on_error=errors.append) as engine:
        btc, _ = engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20)
        engine.wait_live()
        until(lambda: all(row.recording.frames for row in engine.status().books))
        assert btc.ask(Status()).recording.error is None
        os.kill(next(row.pid for row in engine.status().workers), signal.SIGKILL)
        until(lambda: sum(row.restarts for row in engine.status().workers) == 1)
        engine.wait_live()
        until(lambda: sum(len(files_of(tmp_path, each)) for each in ("BTCUSDT", "ETHUSDT")) == 4)
        engine.unsubscribe(btc)
        assert notes_of(files_of(tmp_path, "BTCUSDT")[-1])[-1]["row"] == "end"
        # A book moves: its new worker waits for the former one to close the file.
        engine.subscribe_many(["BTCUSDT", "BNBUSDT"])
        engine.wait_live()
        until(lambda: all(row.recording.frames for row in engine.status().books))
        assert engine.rebalance(2) == 1
        engine.wait_live()
        until(lambda: all(row.recording.frames for row in engine.status().books))
    assert [error for error in errors if isinstance(error, RecordingError)] == []
    for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT"):
        rows = notes_in(tmp_path, symbol)
        assert [row["row"] for row in rows if row["row"] in ALWAYS] == [*ALWAYS] * len(files_of(tmp_path, symbol))


def recorded_tickers(folder, symbol):
    return [line for path in files_of(folder, symbol) for line in recording.read(path) if line.is_ticker]


def test_book_tickers_are_recorded_beside_the_depth_and_agree_with_it(exchange, tmp_path):
    with DepthEngine(record=RecordTo(tmp_path, book_ticker=True)) as engine:
        engine.subscribe_many(["BTCUSDT", "ETHUSDT"])
        engine.wait_live()
        until(lambda: all(row.recording.frames > 100 for row in engine.status().books))
        assert sorted(row.streams for row in engine.status().sockets) == [2, 2]
    for symbol in ("BTCUSDT", "ETHUSDT"):
        (path,) = files_of(tmp_path, symbol)
        result = replay(path)
        assert result.frames > result.events > 0
        assert result.ticker_matches == result.ticker_checks > 0
        assert notes_of(path)[0]["streams"] == [f"{symbol.lower()}@depth@100ms", f"{symbol.lower()}@bookTicker"]


def test_a_cut_of_the_ticker_stream_disturbs_no_book_and_is_noted(exchange, tmp_path, set_timing):
    set_timing(Timing.fast())
    with DepthEngine(record=RecordTo(tmp_path, book_ticker=True), rotate_after=None) as engine:
        book = engine.subscribe("BTCUSDT").wait_live()
        until(lambda: book.status().recording.frames > 50)
        tickers = engine.subscribe("ETHUSDT").wait_live()
        until(lambda: tickers.status().recording.frames > 50)
        tell(engine._runtime._supervisor, ReconnectExhausted("tickers-spot-2", StreamError("cut")))
        until(lambda: len(engine.status().sockets) == 1)
        frames = book.status().recording.frames
        until(lambda: book.status().recording.frames > frames + 20)
        assert book.status().counters.resyncs == 0
    for symbol in ("BTCUSDT", "ETHUSDT"):
        rows = [row for row in notes_in(tmp_path, symbol) if row["row"] == "interruption"]
        assert any(row["why"] == "disconnected: bookTicker: given up: cut" for row in rows), rows
        assert recorded_tickers(tmp_path, symbol)
