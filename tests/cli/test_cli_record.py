"""`depthactors record`: what it writes, how it ends, and what its exit status says."""

import json
import signal
import subprocess
import sys

import pytest

from depthactors import recording
from depthactors.cli import main
from depthactors.errors import RecordingCutError
from depthactors.replay import replay
from tests.support import PATIENCE, table, until

LIMITED = """
import resource, sys
from depthactors.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""
"""The command where no file can be larger than the first argument says, as on a disk that is nearly full."""


def record(folder, *arguments):
    return main(["record", "-o", str(folder), *arguments])


def notes_of(path):
    return [
        json.loads(row) for row in path.with_name(path.name.replace(".gz", ".notes.jsonl")).read_text().splitlines()
    ]


def files_in(folder):
    return sorted(folder.glob("*.gz"))


def recorder(folder, *arguments):
    """Start the command in a process of its own."""
    words = [sys.executable, "-m", "depthactors", "record", "-o", str(folder), *arguments]
    return subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def has_events(folder, count=1):
    """Whether a file has events that any reader can read."""
    found = 0
    for path in files_in(folder):
        try:
            for line in recording.read(path):
                found += line.is_diff
        except RecordingCutError:
            pass
    return found >= count


@pytest.mark.local_exchange(["BTCUSDT", "ETHUSDT"], rate=50.0)
def test_symbols_are_recorded_for_a_time(local_exchange, tmp_path, capsys):
    assert record(tmp_path, "btcusdt", "ETHUSDT", "BTCUSDT", "--seconds", "1.5", "--depth", "50", "--bookticker") == 0
    output, errors = capsys.readouterr()
    first, *_, last = output.splitlines()
    assert " of 2 books live" in first
    assert (last.startswith("recorded "), last.endswith(", 0 gaps, 2 files")) == (True, True)
    # Simulated prices must not be kept for real ones.
    place = f"every market is at {local_exchange.url}, not at the exchange"
    assert errors == f"depthactors: DEPTHACTORS_EXCHANGE is set: {place}\n"
    for path in files_in(tmp_path):
        result, end = replay(path), notes_of(path)[-1]
        assert (result.repaired, result.gaps, end["row"], end["events"]) == (True, 0, "end", result.events)
        assert result.ticker_matches == result.ticker_checks > 0
    assert [path.name.partition("-")[0] for path in files_in(tmp_path)] == ["btcusdt", "ethusdt"]


@pytest.mark.local_exchange(["BTCUSDT"], rate=50.0)
def test_an_unknown_symbol_beside_a_good_one_is_told_and_the_other_recorded(local_exchange, tmp_path, capsys):
    assert record(tmp_path, "NOPEUSDT", "BTCUSDT", "--seconds", "2") == 1
    *reasons, sum_ = capsys.readouterr().err.splitlines()
    assert any(each.startswith("depthactors: NOPEUSDT (spot): given up: ") for each in reasons)
    assert sum_ == "depthactors: 1 of 2 symbols were not recorded, or not whole"
    (path,) = files_in(tmp_path)
    assert replay(path).symbol == "BTCUSDT"


def test_why_nothing_came_is_told(dead_address, tmp_path, capsys):
    assert record(tmp_path, "BTCUSDT", "--seconds", "1") == 1
    _, reason, _ = capsys.readouterr().err.splitlines()
    assert reason.startswith("depthactors: BTCUSDT (spot): nothing is recorded: ")
    assert "Connection refused" in reason


@pytest.mark.local_exchange(["BTCUSDT"])
def test_it_ends_when_no_book_is_left(local_exchange, tmp_path):
    assert record(tmp_path, "NOPEUSDT") == 1
    assert files_in(tmp_path) == []


@pytest.mark.local_exchange(["BTCUSDT"], market=["spot", "usdm"])
def test_a_folder_of_another_market_is_refused(local_exchange, tmp_path, capsys):
    assert record(tmp_path, "BTCUSDT", "--seconds", "1") == 0
    assert record(tmp_path, "BTCUSDT", "--market", "usdm") == 1
    assert "expected recordings of the market usdm in this folder, was one of 'spot'" in capsys.readouterr().err
    assert len(files_in(tmp_path)) == 1


@table(
    ("arguments", "words"),
    [
        (["BTCUSDT", "--rotate", "soon"], "expected a time like 15m or 1h, or a size like 500MB, was 'soon'"),
        (["BTCUSDT", "--rotate", "1s"], "expected a rotation after at least 10 seconds, was 1"),
        (["BTCUSDT", "--depth", "0"], "expected a whole number of at least 1"),
        (["BTCUSDT", "--depth", "99999"], "expected a depth of at most"),
        (["BTC USDT"], "expected a symbol"),
        ([], "the following arguments are required: SYMBOL"),
    ],
)
def test_bad_arguments_are_refused_with_a_word(arguments, words, tmp_path, capsys):
    try:
        status = record(tmp_path, *arguments)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert words in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert record(tmp_path / "file" / "data", "BTCUSDT") == 2
    assert "expected a folder in which files can be made: Not a directory" in capsys.readouterr().err


@pytest.mark.local_exchange(["BTCUSDT"], rate=50.0)
@pytest.mark.parametrize(
    "number", [signal.SIGINT, *(pytest.param(each, marks=pytest.mark.full) for each in (signal.SIGTERM, signal.SIGHUP))]
)
def test_a_signal_closes_the_files_with_their_proof(local_exchange, tmp_path, number):
    with recorder(tmp_path, "BTCUSDT") as child:
        until(lambda: files_in(tmp_path))
        child.send_signal(number)
        output, errors = child.communicate(timeout=PATIENCE)
    (path,) = files_in(tmp_path)
    assert (child.returncode, notes_of(path)[-1]["row"]) == (0, "end"), errors
    assert output.splitlines()[-1].startswith("recorded ")


@pytest.mark.full
@pytest.mark.local_exchange(["BTCUSDT"], rate=50.0)
def test_two_signals_leave_readable_files(local_exchange, tmp_path):
    with recorder(tmp_path, "BTCUSDT") as child:
        until(lambda: has_events(tmp_path))
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=PATIENCE)
    (path,) = files_in(tmp_path)
    assert replay(path).repaired


@pytest.mark.full
@pytest.mark.local_exchange(["BTCUSDT"], rate=100.0)
def test_a_disk_that_refuses_is_told_at_once_and_another_file_begun(local_exchange, tmp_path):
    limit = 50_000
    words = [sys.executable, "-c", LIMITED, str(limit), "record", "BTCUSDT", "-o", str(tmp_path), "--depth", "50"]
    with subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        told = next(line for line in iter(child.stderr.readline, "") if "is not recorded" in line)
        until(lambda: len(files_in(tmp_path)) >= 2 and files_in(tmp_path)[-1].stat().st_size)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=PATIENCE)
    assert "cannot be written: File too large; its book goes on, and the recording is tried again" in told
    assert (child.returncode, "the disk refused data" in errors) == (1, True)
    first, *_ = files_in(tmp_path)
    assert (first.stat().st_size <= limit, replay(first).repaired) == (True, True)
    gap, end = notes_of(first)[-2:]
    assert (gap["row"], end["row"], end["cut"]) == ("gap", "end", True)


@pytest.mark.local_exchange(["BTCUSDT"], rate=50.0)
def test_what_a_kill_leaves_is_read_and_the_next_start_writes_its_gap_and_proof(local_exchange, tmp_path):
    with recorder(tmp_path, "BTCUSDT") as child:
        until(lambda: has_events(tmp_path, 2))
        child.kill()
    (path,) = files_in(tmp_path)
    cut = replay(path)
    assert (cut.repaired, notes_of(path)[-1]["row"]) == (True, "file")
    assert record(tmp_path, "BTCUSDT", "--seconds", "1.5") == 0
    gap, end = notes_of(path)[-2:]
    first, second = files_in(tmp_path)
    assert (gap["row"], gap["from_id"], end["row"], end["cut"]) == ("gap", cut.last_update_id, "end", True)
    assert (end["events"], replay(first).events) == (cut.events, cut.events)
    snapshot = next(recording.read(second))
    assert gap["to_id"] == snapshot.message["lastUpdateId"]
