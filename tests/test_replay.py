import subprocess
import sys

import orjson
import pytest

from depthactors import recording
from depthactors.cli import main
from depthactors.errors import RecordingError, UnknownMarketError
from depthactors.export import steps
from depthactors.export.reader import StepReader
from depthactors.replay import replay
from tests.support import peak_of, table, write_recording

SNAPSHOT = {"lastUpdateId": 10, "bids": [["99", "1"], ["98", "2"]], "asks": [["101", "1"], ["102.50", "2"]]}


def diff(first, last=None, *, bids=(), asks=(), symbol="BTCUSDT", **more):
    event = {"e": "depthUpdate", "E": 1000, "s": symbol, "U": first, "u": last or first}
    return event | {"b": list(bids), "a": list(asks)} | more


def ticker(update, bid, ask, symbol="BTCUSDT"):
    data = {"u": update, "s": symbol, "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
    return {"stream": "btcusdt@bookTicker", "data": data}


TOUCH = ("99", "1"), ("101", "1")


@pytest.fixture
def write(tmp_path):
    def write_messages(*messages, name="btcusdt.gz"):
        return write_recording(tmp_path / name, enumerate(map(orjson.dumps, messages), start=1))

    return write_messages


SOUND = (
    diff(8, 9, bids=[["50", "9"]]),
    SNAPSHOT,
    diff(10, 12, bids=[["99", "0"], ["98.50", "3.0"]]),
    ticker(12, ("98.50000", "3"), ("101.0", "1.00")),
    diff(13, asks=[["102.5", "0"]]),
    ticker(13, ("98.5", "3"), ("101", "7")),
)


def test_what_a_recording_came_to(write):
    result = replay(write(*SOUND))
    assert result.as_dict() == {
        "symbol": "BTCUSDT",
        "market": "spot",
        "frames": 5,
        "events": 3,
        "applied": 2,
        "gaps": 0,
        "resyncs": 0,
        "snapshots": 1,
        "last_update_id": 13,
        "bids": 2,
        "asks": 1,
        "best_bid": "98.5",
        "best_ask": "101",
        "trusted_bids": 2,
        "trusted_asks": 1,
        "crossed": 0,
        "ticker_checks": 2,
        "ticker_matches": 1,
        "top_digest": result.top_digest,
        "repaired": True,
        "cut": False,
        "files": 1,
        "warnings": [],
    }


def test_a_gap_that_no_snapshot_repairs(write):
    result = replay(write(*SOUND, diff(20)))
    assert (result.gaps, result.resyncs, result.repaired) == (1, 0, False)
    assert result.last_update_id == 13


def test_a_gap_that_a_later_snapshot_repairs(write):
    result = replay(write(*SOUND, diff(20), SNAPSHOT | {"lastUpdateId": 20}, diff(21)))
    assert (result.gaps, result.resyncs, result.repaired, result.last_update_id) == (1, 1, True, 21)


def test_no_snapshot_at_all(write):
    result = replay(write(diff(1), diff(2)))
    assert (result.repaired, result.last_update_id, result.best_bid, result.top_digest) == (False, 0, None, None)


def test_a_crossing_is_counted(write):
    result = replay(write(diff(8, 10), SNAPSHOT, diff(11, bids=[["101.5", "1"]]), diff(12, bids=[["101.5", "0"]])))
    assert (result.crossed, result.last_update_id) == (1, 12)


def test_the_chained_rule_is_taken_for_chained_events(write):
    path = write(diff(5, 6, pu=1), SNAPSHOT, diff(20, 30, pu=6), diff(40, 50, pu=30))
    assert (replay(path).market, replay(path).applied, replay(path).gaps) == ("usdm", 2, 0)
    assert replay(path, "coinm").market == "coinm"
    assert replay(path, "spot").gaps > 0


def test_an_unknown_market(write):
    with pytest.raises(UnknownMarketError):
        replay(write(*SOUND), "kraken")


@table(
    ("bad", "words"),
    [
        (diff(14, bids=[["1", "-1"]]), "quantity"),
        (diff(14, symbol="ETHUSDT"), "ETHUSDT"),
        (diff(14, 13), "U=14"),
        (SNAPSHOT | {"bids": None}, None),
        (SNAPSHOT | {"bids": 5}, None),
        (SNAPSHOT | {"lastUpdateId": "10"}, "lastUpdateId"),
        ({"lastUpdateId": 10}, "bids"),
        (SNAPSHOT | {"symbol": "ETHUSDT"}, "ETHUSDT"),
        (ticker(14, ("x", "1"), ("1", "1")), "bookTicker"),
        (ticker([], ("1", "1"), ("1", "1")), "bookTicker"),
        (ticker("14", ("1", "1"), ("1", "1")), "bookTicker"),
        (ticker(14, ([1], "1"), ("1", "1")), "bookTicker"),
        ({"stream": "btcusdt@bookTicker", "data": {}}, "bookTicker"),
    ],
)
def test_a_malformed_line_is_named(write, bad, words):
    path = write(*SOUND, bad, diff(14))
    with pytest.raises(RecordingError, match=words) as caught:
        replay(path)
    assert caught.value.line == len(SOUND) + 1


def test_a_file_that_is_cut_is_replayed_up_to_there_and_says_so(write):
    path = write(*SOUND)
    whole = replay(path)
    path.write_bytes(path.read_bytes()[:-4])
    cut = replay(path)
    assert (whole.cut, cut.cut) == (False, True)
    assert cut.events == whole.events
    assert cut.top_digest == whole.top_digest


def views_of(path):
    # Of more levels than the snapshot has, the machine keeps the latest events for a fresh one, up to a limit.
    return sum(1 for _ in recording.views(path, depth=1))


def steps_of(path):
    return sum(1 for _ in StepReader(path, None, None).steps())


@pytest.mark.parametrize("read", [replay, views_of, steps_of], ids=lambda read: read.__name__)
def test_memory_does_not_grow_with_the_file(write, read, monkeypatch):
    monkeypatch.setattr(steps, "KEPT", 10)

    def peak(count):
        updates = range(11, 11 + count)
        path = write(SNAPSHOT, *(each for update in updates for each in (diff(update), ticker(update, *TOUCH))))
        return peak_of(read, path)[1]

    short, long = peak(1_000), peak(2_000)
    # A line and its message take more than 1,000 bytes. The shorter file, too, fills the buffers that it is read by.
    assert long - short < 1_000 * 100


@table("messages", [(), (SNAPSHOT,), (ticker(1, ("1", "1"), ("2", "1")),)])
def test_a_file_without_a_depth_event(write, messages):
    with pytest.raises(RecordingError, match="depth event"):
        replay(write(*messages))


def test_every_capture_is_right_and_the_same_twice(capture, capsys):
    result = replay(capture)
    assert result.repaired
    assert (result.gaps, result.resyncs, result.crossed, result.snapshots) == (0, 0, 0, 1)
    assert 0 < result.applied <= result.events
    assert result.ticker_checks > 0
    wrong = {"coinm-20210417/btcusd_perp.gz": 1, "coinm-20210417/btcusd_210924.gz": 4}
    expected = wrong.get(f"{capture.parent.name}/{capture.name}", 0)
    assert result.ticker_checks - result.ticker_matches == expected
    status, [line], err = run(capsys, "--json", capture)
    assert (status, err) == (0, [])
    assert orjson.loads(line) | {"repaired": True} == result.as_dict()


def test_the_regression_captures_differ_in_exactly_five_checks(captures):
    results = [replay(path) for path in sorted(captures.glob("coinm/coinm-20210417/*.gz"))]
    assert sum(result.ticker_checks for result in results) == 322
    assert sum(result.ticker_matches for result in results) == 317


# The command.


def run(capsys, *arguments):
    status = main(["replay", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out.splitlines(), err.splitlines()


def test_a_sound_file_exits_0(write, capsys):
    path = write(*SOUND)
    status, [line], err = run(capsys, path)
    assert (status, err) == (0, [])
    assert str(path) in line
    assert "BTCUSDT" in line


def test_json_has_every_field_but_the_status(write, capsys):
    path = write(*SOUND)
    status, [line], _ = run(capsys, "--json", path)
    fields = replay(path).as_dict()
    del fields["repaired"]
    assert (status, orjson.loads(line)) == (0, fields)


@pytest.mark.parametrize("messages", [(*SOUND, diff(20)), (diff(1),)], ids=["gap", "no snapshot"])
def test_a_file_that_is_not_repaired_exits_1(write, capsys, messages):
    status, [line], err = run(capsys, write(*messages))
    assert (status, err) == (1, [])
    assert "NOT IN SEQUENCE" in line


def test_an_unreadable_file_exits_2_and_names_the_line(write, capsys):
    path = write(*SOUND, {"e": "depthUpdate"})
    status, out, [error] = run(capsys, path)
    assert (status, out) == (2, [])
    assert f"{path}:{len(SOUND) + 1}:" in error


def test_several_recordings_are_all_run_and_the_worst_status_counts(write, capsys, tmp_path):
    other = [message | {"s": "ETHUSDT"} if "e" in message else message for message in SOUND]
    good, gap = write(*SOUND), write(*other, diff(20, symbol="ETHUSDT"), name="gap.gz")
    missing, empty = tmp_path / "missing.gz", tmp_path / "folder"
    empty.mkdir()
    assert run(capsys, good, gap)[0] == run(capsys, gap, good)[0] == run(capsys, tmp_path)[0] == 1
    status, out, err = run(capsys, "--json", missing, good, empty, gap)
    assert (status, len(out), len(err)) == (2, 2, 2)
    assert str(empty) in err[0]
    assert str(missing) in err[1]


def test_the_files_of_a_symbol_are_one_recording(write, capsys, tmp_path):
    write(*SOUND)
    write(SNAPSHOT | {"lastUpdateId": 12}, diff(13), diff(14), name="later.gz")
    status, [line], err = run(capsys, tmp_path)
    assert (status, err) == (0, [])
    assert line.startswith(f"2 files of {tmp_path}: BTCUSDT (spot) 3 of 4 events applied, 0 gaps")
    assert line.endswith(", ticker 1 of 2")


def test_the_folders_of_a_recording_are_named_and_a_ticker_that_it_lacks_is_not(write, capsys, tmp_path):
    first, second = write(SNAPSHOT, diff(11)), write(diff(13), name="later.gz")
    (tmp_path / "b").mkdir()
    second = second.rename(tmp_path / "b" / second.name)
    status, [line], err = run(capsys, first, second)
    assert (status, err) == (1, [])
    assert line.startswith(f"2 files of {tmp_path}, {tmp_path}/b: BTCUSDT (spot) 1 of 2 events applied, 1 gap, ")
    assert "ticker" not in line


def test_a_file_that_is_cut_exits_0_with_a_warning_that_says_where(write, capsys):
    path = write(*SOUND)
    path.write_bytes(path.read_bytes()[:-4])
    status, [line], [warning] = run(capsys, path)
    assert status == 0
    assert "CUT SHORT" in line
    assert warning.startswith(f"depthactors: warning: {path}:{len(SOUND) + 1}: cut short")


def test_the_market_can_be_said(write, capsys):
    status, [line], _ = run(capsys, "--json", "--market", "us", write(*SOUND))
    assert (status, orjson.loads(line)["market"]) == (0, "us")


@table("arguments", [[], ["--market", "kraken", "x.gz"], ["--nonsense"]])
def test_a_wrong_call_exits_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["replay", *arguments])
    assert caught.value.code == 2


def test_the_program_runs_as_a_module(write):
    command = [sys.executable, "-m", "depthactors", "replay", "--json"]
    done = subprocess.run([*command, write(*SOUND), "nowhere.gz"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert orjson.loads(done.stdout)["last_update_id"] == 13
    assert "nowhere.gz" in done.stderr
