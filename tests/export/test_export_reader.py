"""The recording that is exported: its files, their order, their symbol, and what is wrong with them."""

import gzip

import pytest
from export_support import BEGIN, Made, write

from depthactors.errors import RecordingError, UnknownMarketError, UsageError
from depthactors.export.reader import StepReader
from depthactors.export.steps import Change
from depthactors.recording import Rotation
from depthactors.recording.parts import INTERRUPTED
from tests.recording.recorded import SPOT, USDM, Stream, files_in
from tests.support import table

MADE = Made([{99: number} for number in range(1, 13)])


def ids(*paths):
    return [step.diff.last_id for step in StepReader(paths, None, None).steps() if isinstance(step, Change)]


def test_several_files_are_one_recording_in_any_order(tmp_path):
    """The second file begins before the first one ends, and with a snapshot of its own, as a recorder writes it."""
    first = write(tmp_path / "b.gz", [MADE.snapshot(10), *MADE.events[:7]])
    second = write(tmp_path / "a.gz", [*MADE.events[4:6], MADE.snapshot(15), *MADE.events[6:]], BEGIN + 5)
    found = ids(second, first)
    # What the second snapshot lacks comes once more.
    assert found == [*range(11, 18), 16, 17, *range(18, 23)]
    assert [file.path for file in StepReader([second, first], None, None).files] == [first, second]


def test_a_file_that_is_missing_between_two_is_a_gap(tmp_path):
    first = write(tmp_path / "a.gz", [MADE.snapshot(10), *MADE.events[:3]])
    third = write(tmp_path / "c.gz", [MADE.snapshot(18), *MADE.events[8:]], BEGIN + 100)
    reader = StepReader([first, third], None, None)
    assert [step.diff.last_id for step in reader.steps() if isinstance(step, Change)][3:] == list(range(19, 23))
    [gap] = reader.gaps
    assert (gap.from_id, gap.to_id, gap.why) == (13, 18, INTERRUPTED)


@pytest.mark.parametrize("market", [SPOT, USDM], ids=["spot", "usdm"])
def test_the_files_of_a_recorder_are_one_recording_and_its_words_on_a_gap_are_kept(tmp_path, market):
    """As `depthactors record` writes them: a folder, a rotation with an overlap, an interruption, a proof."""
    stream = Stream(tmp_path, market, Rotation(seconds=10))
    stream.send()
    stream.answer()
    while len(files_in(tmp_path)) < 2:
        stream.send(after=3.0)
        stream.send()
        stream.answer(lag=1)
    whole = [*stream.made]
    stream.files.lost(stream.now, 3, "the queue was full")
    stream.make()
    stream.send()
    stream.answer()
    stream.send()
    stream.close()
    reader = StepReader(tmp_path, None, None)
    found = [step.diff.last_id for step in reader.steps() if isinstance(step, Change)]
    # On spot a snapshot's own event is in it.
    assert set(whole) - set(found) <= {whole[0]}
    [gap] = reader.gaps
    assert (gap.from_id, found[-1]) == (whole[-1], stream.last_id)
    assert ("the queue was full" in gap.why, gap.lost) == (True, 3)
    done = reader.exported("out", 0)
    assert (done.market, done.warnings, len(reader.files)) == (market.name, (), len(files_in(tmp_path)))


def test_a_cut_file_is_read_up_to_its_last_whole_line_and_the_next_one_goes_on(tmp_path):
    first = write(tmp_path / "a.gz", [MADE.snapshot(10), *MADE.events[:7]])
    lines = gzip.decompress(first.read_bytes())
    first.write_bytes(gzip.compress(lines[:-30])[:-12])
    second = write(tmp_path / "b.gz", [MADE.snapshot(13), *MADE.events[3:]], BEGIN + 100)
    reader = StepReader([first, second], None, None)
    assert list(reader.steps())
    done = reader.exported("out", 0)
    assert (done.cut, len(done.warnings)) == (True, 1)
    assert str(first) in done.warnings[0]


@table(
    ("change", "words"),
    [
        ({"s": "ETHUSDT"}, "expected a depthUpdate of BTCUSDT"),
        ({"b": [["x", "1"]]}, "expected levels"),
        ({"b": [["1_0", "1"]]}, "expected digits in price and quantity"),
        ({"a": [["1e5", "1"]]}, "expected plain decimal numbers"),
        ({"a": [["105", "\u0661"]]}, "expected digits in price and quantity"),
        ({"U": "1"}, "expected a"),
    ],
)
def test_a_bad_event_is_named_by_file_and_line(tmp_path, change, words):
    good = write(tmp_path / "a.gz", [MADE.snapshot(10), *MADE.events[:2]])
    bad = write(tmp_path / "b.gz", [MADE.events[2], MADE.events[3] | change], BEGIN + 100)
    with pytest.raises(RecordingError, match=words) as caught:
        list(StepReader([good, bad], None, None).steps(texts=True))
    assert (caught.value.path, caught.value.line) == (str(bad), 2)


@pytest.mark.parametrize("reply", [{"lastUpdateId": 1}, {"lastUpdateId": "1", "bids": [], "asks": []}])
def test_a_bad_snapshot_is_named_by_file_and_line(tmp_path, reply):
    path = write(tmp_path / "a.gz", [MADE.events[0], reply])
    with pytest.raises(RecordingError) as caught:
        list(StepReader(path, None, None).steps())
    assert (caught.value.path, caught.value.line) == (str(path), 2)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "expected a depth event"),
        ([MADE.snapshot(10)], "expected a depth event"),
        (MADE.events, "expected a snapshot"),
        ([*MADE.events[5:], MADE.snapshot(10)], "expected a snapshot"),
    ],
)
def test_what_has_no_book_is_refused(tmp_path, messages, words):
    path = write(tmp_path / "a.gz", messages)
    with pytest.raises(RecordingError, match=words):
        list(StepReader(path, None, None).steps())


def test_arguments_that_cannot_be_right(tmp_path):
    path = write(tmp_path / "a.gz", [MADE.snapshot(10), *MADE.events])
    for files, market, error in (([], None, UsageError), (path, "nonsense", UnknownMarketError),
                                 (tmp_path / "none.gz", None, RecordingError)):  # fmt: skip
        with pytest.raises(error):
            StepReader(files, market, None)


def test_a_level_with_a_third_element_is_a_level(tmp_path):
    path = write(tmp_path / "a.gz", [MADE.snapshot(10), MADE.events[0] | {"b": [["99.10", "5", []]]}])
    [change] = [step for step in StepReader(path, None, None).steps(texts=True) if isinstance(step, Change)]
    assert change.line.event["b"] == [["99.10", "5"]]


def test_a_number_with_an_exponent_is_a_number_where_its_text_is_not_used(tmp_path):
    events = [event | {"b": [["9.9e1", "5"]]} for event in MADE.events]
    path = write(tmp_path / "a.gz", [*events[:3], MADE.snapshot(11), *events[3:]])
    changes = [step for step in StepReader(path, None, None).steps() if isinstance(step, Change)]
    assert [change.diff.bids for change in changes] == [[99.0, 5.0]] * 11


def test_the_progress_grows_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("depthactors.export.reader._REPORT_EVERY", 2)
    paths = [
        write(tmp_path / "a.gz", [MADE.snapshot(10), *MADE.events[:6]]),
        write(tmp_path / "b.gz", [MADE.snapshot(16), *MADE.events[6:]], BEGIN + 100),
    ]
    seen = []
    list(StepReader(paths, None, lambda *each: seen.append(each)).steps())
    assert seen == sorted(seen)
    assert (seen[-1], len(seen)) == ((1.0, 12), 8)
