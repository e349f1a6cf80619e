"""A stream of depth events with a recorder behind it, and a naive judgement of the files that are left."""

import os
from contextlib import suppress
from errno import ENOSPC
from hashlib import sha256
from math import inf
from pathlib import Path

import orjson
from hypothesis import strategies as st

from depthactors import markets, recording
from depthactors.errors import RecordingError
from depthactors.markets import Sequencing
from depthactors.recording import notes
from depthactors.recording.rotation import Rotation
from depthactors.replay import replay

HOUR = Rotation(seconds=3600)
SECOND = 1_000_000_000
BEGIN = 1_795_967_220_123 * 1_000_000
SPOT, USDM = markets.lookup("spot"), markets.lookup("usdm")


def rows_of(path, kind=None):
    """Return the rows of the notes of a recording file."""
    rows = notes.read_notes(notes.notes_of(Path(path)))
    return [row for row in rows if kind in {None, row["row"]}]


def files_in(folder):
    return sorted(Path(folder).glob("*.gz"))


class Stream:
    """The exchange's side: makes events, with the ids of its market, and gives them to a recorder."""

    def __init__(self, folder, market=SPOT, rotation=None, symbol="BTCUSDT"):
        self.folder, self.market, self.symbol = folder, market, symbol
        self.rotation = rotation or Rotation()
        self.chained = market.sequencing is Sequencing.CHAINED
        self.now, self.exchange_ms, self.last_id = BEGIN, BEGIN // 1_000_000, 100
        self.made = []
        self.files = None
        self.start()

    def start(self):
        streams = (self.market.diff_stream(self.symbol),)
        self.files = recording.BookFiles(self.folder, self.market, self.symbol, self.rotation, streams=streams)

    def make(self, width=1, hole=0):
        """Make an event, which the recorder does not get."""
        first = self.last_id + 1 + (hole if self.chained else 0)
        ids = {"U": first, "u": first + width - 1} | ({"pu": self.last_id} if self.chained else {})
        self.last_id = ids["u"]
        self.exchange_ms += 100
        self.made.append(ids["u"])
        return {
            "e": "depthUpdate",
            "E": self.exchange_ms,
            "s": self.symbol,
            **ids,
            "b": [["99", str(self.last_id)]],
            "a": [],
        }

    def send(self, width=1, hole=0, after=0.1):
        """Make an event, and give it to the recorder."""
        self.give(self.make(width, hole), after)

    def give(self, event, after=0.1):
        self.now += round(after * SECOND)
        text = orjson.dumps({"stream": self.market.diff_stream(self.symbol), "data": event})
        self.files.diff(self.now, text, event["U"], event["u"], event.get("pu"))

    def ticker(self, after=0.01):
        self.now += round(after * SECOND)
        data = {"u": self.last_id, "s": self.symbol, "b": "99", "B": "1", "a": "101", "A": "1"}
        self.files.other(self.now, orjson.dumps({"stream": f"{self.symbol.lower()}@bookTicker", "data": data}))

    def answer(self, lag=0, after=0.05):
        """Give the recorder a snapshot of the book as it is, or was `lag` ids ago."""
        self.now += round(after * SECOND)
        update_id = self.last_id - lag
        reply = {"lastUpdateId": update_id, "bids": [["99", str(self.book_id(update_id))]], "asks": [["101", "1"]]}
        self.files.snapshot(self.now, orjson.dumps(reply), update_id)

    def begin(self, events=2):
        """Begin the first file."""
        self.send()
        self.answer()
        for _ in range(events):
            self.send()

    def book_id(self, update_id):
        """Return the id of the last event of the book of `update_id`, which is the quantity of its best bid."""
        return max((each for each in self.made if each <= update_id), default=100)

    def tick(self, after=1.0):
        self.now += round(after * SECOND)
        self.files.tick(self.now)

    def close(self, reason="the recording was stopped"):
        self.files.close(self.now, reason)

    def kill(self, bytes_lost=0):
        """End the recorder as a kill does, and tear off the end of what it wrote last, as a loss of power does."""
        file, self.files = self.files._file, None
        if file is None:
            return
        os.ftruncate(file._file.fileno(), max(0, file.size - bytes_lost))
        file._file.close()


class FullDisk:
    """Lets a recorder write a few more bytes, and nothing more until there is room again.

    If it is dead, what was written last cannot be removed either.
    """

    def __init__(self, files, room, *, is_dead=False):
        self._files, self._room, self._is_dead = files, room, is_dead
        self._append = notes.append
        self._raw = None

    def __enter__(self):
        notes.append = self._refuse
        if self._files._file is not None:
            self._raw = self._files._file._file
            self._files._file._file = self
        return self

    def __exit__(self, *_):
        notes.append = self._append
        if self._files._file is not None and self._files._file._file is self:
            self._files._file._file = self._raw

    def _refuse(self, *_):
        raise OSError(ENOSPC, "No space left on device")

    def write(self, block):
        if not self._room:
            self._refuse()
        part, self._room = bytes(block)[: self._room], 0
        return self._raw.write(part)

    def fileno(self):
        return -1 if self._is_dead else self._raw.fileno()

    def close(self):
        self._raw.close()


def events_of(path):
    """Return the events of a file that was ended, whose notes must tell of each break in their ids."""
    lines = list(recording.read(path))
    if not lines:
        return []
    assert lines[0].is_snapshot, "a file begins with a snapshot"
    told = [(row["from_id"], row["to_id"]) for row in rows_of(path, "gap")]
    last, first, events = lines[0].message["lastUpdateId"], True, []
    for line in lines:
        if not line.is_diff:
            continue
        event = line.event
        events.append(event)
        previous = event.get("pu", event["U"] - 1)
        if event["u"] > last or first:
            follows = previous == last or (first and previous <= last <= event["u"])
            if not follows:
                assert any(begin <= last and (end is None or end >= previous) for begin, end in told), (event, told)
            last, first = event["u"], False
    return events


def check(stream):
    """Check the files and notes that a stream's recorder left against all events that the exchange made."""
    seen, gaps = set(), []
    for path in files_in(stream.folder):
        events, rows = events_of(path), rows_of(path)
        *others, end = rows
        assert [row["row"] for row in rows if row["row"] in {"file", "end"}] == ["file", "end"]
        assert rows[0]["file"] == end["file"] == path.name
        told = [row for row in others if row["row"] == "gap"]
        assert (end["bytes"], end["events"]) == (path.stat().st_size, len(events))
        assert end["sha256"] == sha256(path.read_bytes()).hexdigest()
        assert end["gaps"] == len(told)
        gaps += [(row["from_id"], row["to_id"] or inf) for row in told]
        if not events:
            continue
        assert end["first_id"] == events[0]["U"]
        result = replay(path, stream.market)
        assert (result.frames, result.snapshots) == (end["frames"], end["snapshots"])
        inside = [row for row in told if row["repaired"] == "snapshot in this file"]
        assert bool(result.gaps) <= bool(told), (result, told)
        # What repaired a gap can be torn off by a loss of power.
        assert result.gaps or not inside or end["cut"], (result, told)
        assert result.resyncs <= len(told)
        seen.update(event["u"] for event in events)
    begun = [update_id for update_id in stream.made if seen and min(seen) <= update_id <= max(seen)]
    missing = [each for each in begun if each not in seen and not any(begin < each <= end for begin, end in gaps)]
    assert missing == []
    return seen


def lose(stream):
    stream.make()
    stream.files.lost(stream.now, 1, "no room")


def reconnect(stream):
    stream.files.disconnected(stream.now, "reset")
    stream.files.connected(stream.now)


def answer_if_wanted(stream, lag):
    if stream.files.wants_snapshot or not lag:
        stream.answer(min(lag, stream.last_id - 100))


def kill(stream, bytes_lost):
    stream.kill(bytes_lost)
    stream.start()


def fill_the_disk(stream, room):
    with FullDisk(stream.files, room), suppress(RecordingError):
        stream.send()
        stream.tick(after=4)


ACTIONS = {
    "send": lambda stream, few, many: stream.send(1 + few, hole=many % 3),
    "ticker": lambda stream, *_: stream.ticker(),
    "make": lambda stream, *_: stream.make(),
    "lose": lambda stream, *_: lose(stream),
    "reconnect": lambda stream, *_: reconnect(stream),
    "rotate": lambda stream, *_: stream.tick(after=3600),
    "tick": lambda stream, *_: stream.tick(after=4),
    "set back": lambda stream, *_: stream.tick(after=-7200),
    "answer": lambda stream, few, _: answer_if_wanted(stream, few),
    "old answer": lambda stream, _, many: stream.answer(min(many, stream.last_id - 100)),
    "kill": lambda stream, _, many: kill(stream, many),
    "fill": lambda stream, _, many: fill_the_disk(stream, many),
}
KINDS = ["send"] * 7 + ["answer"] * 3 + ["rotate", *ACTIONS]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.integers(0, 60)), min_size=1, max_size=40)
