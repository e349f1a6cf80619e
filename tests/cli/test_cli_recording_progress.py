"""The progress of a recording: one line on a terminal, a line every few seconds elsewhere."""

import io
import os
from contextlib import suppress

from depthactors.book import BookState
from depthactors.cli.recording_progress import Progress, described
from depthactors.status import BookStatus, EngineStatus, RecordingStatus, SocketStatus
from depthactors.sync import Counters
from tests.support import table


def row(state=BookState.LIVE, **changes):
    counts = {"frames": 600, "bytes": 1_000, "gaps": 0, "files": 1, "lost": 0, "failures": 0, "error": None}
    return BookStatus(
        symbol="BTCUSDT",
        market="spot",
        speed_ms=100,
        state=state,
        error=None,
        last_update_id=7,
        depth=20,
        age=0.0,
        restarts=0,
        counters=Counters(),
        recording=RecordingStatus(**counts | changes),
    )


GIVEN_UP = row(BookState.FAILED, frames=0, bytes=0, files=0)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@table(
    ("rows", "words"),
    [
        ([row(), row()], "2 of 2 books live: 1,200 frames, 2.0 kB, 0 gaps, 2 files"),
        ([row(), GIVEN_UP], "1 of 2 books live, 1 given up: 600 frames, 1.0 kB, 0 gaps, 1 file"),
        ([row(error="full", gaps=1)], "1 of 1 books live, 1 NOT WRITTEN: 600 frames, 1.0 kB, 1 gap, 1 file"),
        ([row(lost=7)], "1 of 1 books live: 600 frames, 1.0 kB, 0 gaps, 1 file, 7 events lost"),
        ([row(bytes=3_456_000_000, files=1_200)], "1 of 1 books live: 600 frames, 3.5 GB, 0 gaps, 1,200 files"),
    ],
    ids=["good", "given up", "refused", "lost", "large"],
)
def test_a_line_has_what_is_live_written_missing_and_refused(rows, words):
    assert described(EngineStatus(tuple(rows), (), ())) == words


def test_a_lost_connection_is_in_the_line():
    socket = SocketStatus("socket-spot-1", "spot", False, 1, 1, 0.0, 1, 0, 3, 0, 0, 0, "refused", retry_in=7.5)
    line = described(EngineStatus((row(BookState.STALE),), (socket,), ()))
    assert line == "0 of 1 books live: 600 frames, 1.0 kB, 0 gaps, 1 file; connection lost, next try in 8 s"


def test_on_a_terminal_the_line_is_rewritten_each_second_and_the_last_one_stays():
    screen, now = Terminal(), [10.0]
    progress = Progress(screen, lambda: now[0])
    for now[0] in (10.0, 10.5, 11.0):
        progress.show(EngineStatus((row(),), (), ()))
    progress.end([row()])
    line = "600 frames, 1.0 kB, 0 gaps, 1 file"
    assert screen.getvalue() == f"\r\x1b[K1 of 1 books live: {line}\r" * 2 + f"\r\x1b[Krecorded {line}\n"


def test_a_line_that_is_longer_than_the_terminal_is_cut_so_that_it_does_not_wrap():
    screen = Terminal()
    Progress(screen, width=lambda: 31).show(EngineStatus((row(),), (), ()))
    assert screen.getvalue() == "\r\x1b[K1 of 1 books live: 600 fram...\r"


def test_elsewhere_there_is_a_line_every_five_seconds():
    pipe, now = io.StringIO(), [10.0]
    progress = Progress(pipe, lambda: now[0])
    for now[0] in (10.0, 11.0, 14.9, 15.0):
        progress.show(EngineStatus((row(),), (), ()))
    progress.end([row()])
    assert [line.partition(" ")[0] for line in pipe.getvalue().splitlines()] == ["1", "1", "recorded"]


def test_a_pipe_that_nobody_reads_is_not_waited_for():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(1 << 16))
    with os.fdopen(writing, "w") as stream:
        Progress(stream).show(EngineStatus((row(),), (), ()))
        os.read(reading, 1 << 20)
        Progress(stream).show(EngineStatus((row(),), (), ()))
    assert os.read(reading, 1 << 20).count(b"frames") == 1
    os.close(reading)


def test_without_a_standard_output_nothing_is_shown(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    Progress(None).end([row()])
