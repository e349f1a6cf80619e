"""Every event is in a file or in a gap, whatever happens; and a real recording, recorded again, has the same book."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from depthactors import BookState, markets, recording
from depthactors.recording.rotation import Rotation
from depthactors.replay import replay
from tests.recording.recorded import ACTIONS, HOUR, SPOT, STEPS, USDM, Stream, check, files_in


@given(steps=STEPS, chained=st.booleans())
def test_files_and_gaps_account_for_every_event(tmp_path_factory, steps, chained):
    stream = Stream(tmp_path_factory.mktemp("recordings"), USDM if chained else SPOT, HOUR)
    stream.begin()
    for kind, few, many in steps:
        ACTIONS[kind](stream, few, many)
    stream.close()
    check(stream)


@given(steps=STEPS, chained=st.booleans())
def test_every_event_of_the_files_is_read_once_and_the_book_is_right_when_it_is_live(tmp_path_factory, steps, chained):
    stream = Stream(tmp_path_factory.mktemp("recordings"), USDM if chained else SPOT, HOUR)
    stream.begin()
    for kind, few, many in steps:
        ACTIONS[kind](stream, few, many)
    stream.close()
    seen = check(stream)
    if not seen:
        return
    assert [line.event["u"] for line in recording.read(stream.folder) if line.is_diff] == sorted(seen)
    for view in recording.views(stream.folder, depth=1):
        if view.state is BookState.LIVE:
            assert view.best_bid[1] == stream.book_id(view.last_update_id)


class NaiveBook:
    """A book of a recording: all that was ever said, and what REST would answer at each moment."""

    def __init__(self, reply):
        self.last_id = reply["lastUpdateId"]
        self.sides = {"b": dict(reply["bids"]), "a": dict(reply["asks"])}

    def apply(self, event):
        if event["u"] > self.last_id:
            self.last_id = event["u"]
            for mark, side in self.sides.items():
                side.update(event[mark])

    def reply(self):
        bids, asks = ([level for level in side.items() if float(level[1])] for side in self.sides.values())
        bids.sort(key=lambda level: -float(level[0]))
        asks.sort(key=lambda level: float(level[0]))
        return orjson.dumps({"lastUpdateId": self.last_id, "bids": bids, "asks": asks})


def test_a_capture_that_is_recorded_again_in_many_files_has_the_same_book(capture, tmp_path):
    known = replay(capture)
    market = markets.lookup(known.market)
    files = recording.BookFiles(tmp_path / "again", market, known.symbol, Rotation(seconds=10), streams=("depth",))
    book, seen = None, []
    for line in recording.read(capture):
        event = line.event
        if line.is_snapshot:
            book = NaiveBook(line.message)
            files.snapshot(line.recv_ns, line.text, book.last_id)
        elif line.is_diff:
            files.diff(line.recv_ns, line.text, event["U"], event["u"], event.get("pu"))
            seen.append(event["u"])
            if book is not None:
                book.apply(event)
                if files.wants_snapshot and len(seen) % 5 == 0:
                    files.snapshot(line.recv_ns, book.reply(), book.last_id)
        else:
            files.other(line.recv_ns, line.text)
    files.close(line.recv_ns, "the capture ended")
    paths = files_in(tmp_path / "again")
    again = replay(paths)
    assert (again.gaps, again.crossed, again.cut, again.files) == (0, 0, False, len(paths))
    assert (again.last_update_id, again.top_digest) == (known.last_update_id, known.top_digest)
    recorded = [line.event["u"] for line in recording.read(paths) if line.is_diff]
    assert recorded == seen[-len(recorded) :]
    assert len(recorded) in {known.applied, known.applied + 1}
    assert all(replay(path).gaps == 0 for path in paths)
