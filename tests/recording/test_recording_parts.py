import gzip

import pytest

from depthactors import BookState, markets, recording
from depthactors.errors import RecordingCutError, RecordingError, UsageError
from depthactors.recording import notes
from depthactors.recording.parts import Parts, recordings_of
from depthactors.replay import replay
from tests.recording.recorded import HOUR, SECOND, SPOT, USDM, Stream, files_in, rows_of


@pytest.fixture(params=[SPOT, USDM], ids=["spot", "usdm"])
def stream(request, tmp_path):
    """A recording of two files, and the ids of all its events from the first one on."""
    stream = Stream(tmp_path / "recordings", request.param, HOUR)
    stream.send()
    stream.answer(lag=1)
    stream.tick(after=3600)
    stream.send()
    stream.ticker()
    stream.send()
    stream.answer(lag=1)
    stream.send()
    stream.close()
    assert len(files_in(stream.folder)) == 2
    yield stream
    if stream.files is not None:
        stream.close()


def ids(lines):
    return [line.event["u"] for line in lines if line.is_diff]


def test_several_files_are_one_recording_in_whatever_order_they_are_given(stream):
    first, second = files_in(stream.folder)
    for source in (stream.folder, str(stream.folder), [first, second], (str(second), first), {first, second}):
        lines = list(recording.read(source))
        assert ids(lines) == stream.made
        assert sum(line.is_ticker for line in lines) == 1
        assert {line.path for line in lines} == {str(first), str(second)}
    assert len(ids(recording.read(first))) + len(ids(recording.read(second))) > len(stream.made)


def test_a_clock_that_was_set_back_does_not_change_the_order(stream):
    first, second = files_in(stream.folder)
    for path in (first, notes.notes_of(first)):
        path.rename(path.with_name(path.name.replace("20261129", "20271129")))
    assert ids(recording.read(stream.folder)) == stream.made
    assert second in Parts(stream.folder).files


@pytest.mark.parametrize("held", [0, 3, 20], ids=["between two files", "at the end of one", "within one"])
def test_ids_that_begin_anew_do_not_change_the_order(stream, held):
    stream.start()
    stream.last_id = 5_000
    stream.begin()
    before, latest = stream.now, stream.last_id
    stream.last_id = 100
    for _ in range(held):
        stream.send()
    stream.answer()
    stream.tick(after=3600)
    for _ in range(12):
        stream.send()
        if stream.files.wants_snapshot:
            stream.answer()
    stream.close()
    views = list(recording.views(stream.folder, depth=1))
    # The first event of a file was received before the snapshot that it continues.
    times = [round(view.recv_time) for view in views]
    assert times == sorted(times)
    assert (views[-1].last_update_id, views[-1].state) == (stream.last_id, BookState.LIVE)
    assert recording.book_at(stream.folder, before / SECOND).last_update_id == latest
    assert set(ids(recording.read(stream.folder))) <= set(stream.made)
    gaps = [row for path in files_in(stream.folder) for row in rows_of(path, "gap")]
    assert latest in {row["from_id"] for row in gaps}


def test_the_book_is_live_from_one_file_to_the_next(stream):
    views = list(recording.views(stream.folder, depth=1))
    assert {view.state for view in views[1:]} == {BookState.LIVE}
    assert views[-1].last_update_id == stream.last_id
    result = replay(stream.folder)
    assert (result.gaps, result.files, result.events, result.warnings) == (0, 2, len(stream.made), ())
    assert (result.market, result.symbol) == (stream.market.name, "BTCUSDT")


def test_the_book_is_not_live_between_files_until_the_snapshot_of_the_next(stream):
    stream.make()
    stream.start()
    stream.tick(after=100)
    ended = stream.now
    stream.begin()
    stream.close()
    states = [view.state for view in recording.views(stream.folder, depth=1)]
    stale = states.index(BookState.STALE)
    assert set(states[1:stale]) == set(states[stale + 2 :]) == {BookState.LIVE}
    assert recording.book_at(stream.folder, ended / SECOND).state is BookState.STALE
    assert recording.book_at(stream.folder, (ended - 150 * SECOND) / SECOND).state is BookState.LIVE
    assert recording.book_at(stream.folder, stream.now / SECOND).state is BookState.LIVE
    seconds = [view.state for view in recording.views(stream.folder, depth=1, every="1s")]
    assert seconds.count(BookState.STALE) > 90
    result = replay(stream.folder)
    assert (result.gaps, result.resyncs, result.repaired) == (1, 1, True)


def test_a_file_that_is_cut_is_read_as_far_as_it_goes_and_the_next_one_goes_on(stream):
    first, second = files_in(stream.folder)
    for each in (first, second):
        notes.notes_of(each).unlink()
    first.write_bytes(first.read_bytes()[:-40])
    lines = []
    with pytest.raises(RecordingCutError) as caught:
        lines.extend(recording.read(stream.folder))
    assert caught.value.path == str(first)
    assert lines[-1].path == str(second)
    views = []
    with pytest.raises(RecordingCutError):
        views.extend(recording.views(stream.folder, depth=1))
    assert views[-1].last_update_id == stream.last_id
    result = replay(stream.folder)
    assert (result.cut, result.repaired) == (True, True)
    assert result.warnings == (str(caught.value),)


def test_files_of_two_symbols_or_markets_are_no_recording(tmp_path):
    for name, market, symbol in (("a", SPOT, "BTCUSDT"), ("b", SPOT, "ETHUSDT"), ("c", USDM, "BTCUSDT")):
        stream = Stream(tmp_path / name, market, symbol=symbol)
        stream.begin()
        stream.close()
    a, b, c = (files_in(tmp_path / name)[0] for name in "abc")
    with pytest.raises(
        RecordingError,
        match=f"expected a recording of BTCUSDT, as in {a}, was one of ETHUSDT: choose one by its symbol",
    ) as caught:
        recording.views([a, b])
    assert caught.value.path == str(b)
    with pytest.raises(RecordingError, match=f"expected the market spot, as in {a}, was usdm"):
        replay([a, c])
    assert recordings_of([a, b, c, tmp_path / "none.gz", a]) == [[a], [b], [c], [tmp_path / "none.gz"]]


def test_one_symbol_of_a_folder_with_several(tmp_path):
    for symbol in ("BTCUSDT", "ETHUSDT"):
        stream = Stream(tmp_path, symbol=symbol)
        stream.begin()
        stream.close()
    [btc, eth] = files_in(tmp_path)
    assert {line.path for line in recording.read(tmp_path, symbol="ETHUSDT")} == {str(eth)}
    views = list(recording.views(tmp_path, symbol="BTCUSDT"))
    assert {view.symbol for view in views} == {"BTCUSDT"}
    assert recording.book_at(tmp_path, stream.now / SECOND, symbol="ETHUSDT") == recording.book_at(
        eth, stream.now / SECOND
    )
    for path in (btc, eth):
        path.rename(path.with_name(f"named by hand {path.name[:3]}.gz"))
    result = replay(tmp_path, symbol="ETHUSDT")
    assert (result.symbol, result.files, result.warnings) == ("ETHUSDT", 1, ())
    assert replay(tmp_path, symbol="ethusdt") == result
    with pytest.raises(RecordingError, match=r"expected a depth event of SOLUSDT, was none$"):
        recording.views(tmp_path, symbol="SOLUSDT")


def test_the_market_is_the_one_in_the_notes(tmp_path):
    stream = Stream(tmp_path, markets.lookup("us"))
    stream.begin()
    stream.close()
    assert replay(tmp_path).market == "us"
    [path] = files_in(tmp_path)
    beside = notes.notes_of(path)
    beside.write_bytes(beside.read_bytes().replace(b'"us"', b'"a market of my own"'))
    assert Parts(path).market is SPOT


def test_a_file_without_a_depth_event_is_left_out_with_a_warning(stream):
    empty = stream.folder / "empty.gz"
    empty.write_bytes(gzip.compress(b'1 {"lastUpdateId":1,"bids":[],"asks":[]}\n'))
    result = replay(stream.folder)
    assert (result.files, result.warnings) == (2, (f"{empty}: it has no depth event",))


def test_names_at_the_edge_of_what_the_system_allows(stream, tmp_path):
    [first, _] = files_in(stream.folder)
    # Its notes would have a name that is too long, so it has none.
    longest = first.rename(tmp_path / f"{'x' * 252}.gz")
    assert next(recording.views(longest)).symbol == "BTCUSDT"
    with pytest.raises(RecordingError, match="File name too long"):
        recording.views("x" * 5_000)


def test_a_file_that_is_cut_before_its_first_depth_event_says_so(tmp_path):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b'1 {"lastUpdateId":1,"bids":[],"asks":[]}\n')[:-12])
    with pytest.raises(RecordingError, match="expected a depth event in the file, was none: a file is cut short"):
        recording.views(path)


@pytest.mark.parametrize("source", ["", ["a.gz", ""]])
def test_an_empty_path_is_not_the_working_directory(source):
    with pytest.raises(UsageError, match="expected the path of a recording, was ''"):
        recording.views(source)


def test_no_file_at_all(tmp_path):
    with pytest.raises(UsageError, match="expected the path of a recording, was none"):
        replay([])
    with pytest.raises(RecordingError, match=r"expected recordings \(\*\.gz\) in the folder, was none"):
        recording.views(tmp_path)
