"""The accounting itself finds what is missing, invented or different; and a short run is right."""

import gzip
import json

import pytest

from depthactors import recording
from depthactors.markets import SPOT
from depthactors.recording import BookFiles, Rotation
from tests.record import command
from tests.record.accounting import account

SNAPSHOT = {"lastUpdateId": 10, "bids": [["1.00", "5"]], "asks": [["2.00", "5"]]}


def event(number):
    return {
        "e": "depthUpdate",
        "E": number,
        "s": "BTCUSDT",
        "U": number,
        "u": number,
        "b": [["1.00", str(number)]],
        "a": [],
    }


def text(message):
    if "lastUpdateId" not in message:
        message = {"stream": "btcusdt@depth@100ms", "data": message}
    return json.dumps(message, separators=(",", ":")).encode()


def recorded(folder, *ids, lost=()):
    """Record a snapshot and these events; returns the files."""
    files = BookFiles(folder, SPOT, "BTCUSDT", Rotation(), streams=())
    files.snapshot(1, text(SNAPSHOT), 10)
    for each in ids:
        files.diff(each, text(event(each)), each, each, None)
    for each in lost:
        files.lost(each, 1, "the test")
    files.close(99, "done")
    return sorted(folder.glob("*.gz"))


def test_events_that_are_all_there_are_accounted_for(tmp_path):
    result = account(map(event, range(5, 30)), recorded(tmp_path, *range(11, 21)), None)
    assert (result.is_right, result.made, result.recorded, result.rows) == (True, 10, 10, 0)


def test_a_gap_of_the_notes_accounts_for_what_is_missing(tmp_path):
    result = account(map(event, range(11, 21)), recorded(tmp_path, 11, 12, 15, 16), None)
    assert (result.is_right, result.recorded, result.in_gaps, result.rows) == (True, 4, 2, 1)


def test_a_gap_that_no_note_tells_of_is_found(tmp_path):
    paths = recorded(tmp_path, 11, 12, 15, 16)
    notes = paths[0].with_name(paths[0].name.replace(".gz", ".notes.jsonl"))
    notes.write_text("".join(row for row in notes.read_text().splitlines(keepends=True) if '"row":"gap"' not in row))
    result = account(map(event, range(11, 17)), paths, None)
    assert (result.is_right, result.missing) == (False, [13, 14])
    assert "expected gaps 1 by its notes, was 0" in result.complaints[0]


def test_an_event_that_was_changed_or_never_made_is_found(tmp_path):
    paths = recorded(tmp_path, 11, 12, 13)
    events = [event(11), event(12) | {"b": [["1.00", "7"]]}]
    result = account(events, paths, None)
    assert (result.missing, result.invented) == ([12], [13])


def test_a_file_that_does_not_begin_with_a_snapshot_or_has_no_proof_is_found(tmp_path):
    (path,) = recorded(tmp_path, 11, 12)
    lines = [line.text for line in recording.read(path)]
    with gzip.open(path, "wb") as file:
        file.writelines(b"1 %b\n" % line for line in lines[1:])
    result = account([event(11), event(12)], [path], None)
    assert len(result.complaints) == 2, result.complaints


@pytest.mark.proof
@pytest.mark.timeout(120)
@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_a_short_run_accounts_for_every_event(market, monkeypatch):
    monkeypatch.setenv("DEPTHACTORS_EXCHANGE", "")
    words = ["--minutes", "0.25", "--symbols", "3", "--market", market, "--rotate", "10s", "--kill-every", "6"]
    run = command.Run(command.parser().parse_args(words))
    lines, is_right = command.report(run, run.run())
    assert is_right, "\n".join(lines)
    assert run.kills
