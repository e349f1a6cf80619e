"""The files of recorded books in memory, on a disk with knobs: it refuses, it is full, it takes its time."""

import threading
from dataclasses import replace

from depthactors.errors import RecordingError
from depthactors.recording import FileCounters

FULL = RecordingError("/data/BTCUSDT.gz", 0, "cannot be written: No space left on device")


class FakeFiles:
    """The files of one book: `lines` has each call by its name, in order."""

    def __init__(self, disk, spec):
        self.symbol, self.lines, self.counters, self.closed = spec.symbol, [], FileCounters(files=1), None
        self.wants_snapshot = True
        self._disk = disk

    def _take(self, *line):
        assert self.closed is None, "the files are closed"
        self._disk.pass_through()
        self.lines.append(line)

    def of(self, kind):
        return [line[1:] for line in self.lines if line[0] == kind]

    def diff(self, recv_ns, text, first_id, last_id, previous_id):
        self._take("diff", recv_ns, text, first_id, last_id, previous_id)
        before = self.counters
        size = before.bytes_written + len(text)
        self.counters = replace(before, frames=before.frames + 1, bytes_written=size)

    def other(self, recv_ns, text):
        self._take("other", recv_ns, text)

    def snapshot(self, recv_ns, text, last_update_id):
        self._take("snapshot", recv_ns, text, last_update_id)
        self.wants_snapshot = False

    def connected(self, recv_ns):
        self._take("connected", recv_ns)

    def disconnected(self, recv_ns, reason):
        self._take("disconnected", recv_ns, reason)

    def lost(self, recv_ns, count, reason):
        self.counters = replace(self.counters, lost=self.counters.lost + count)
        self._take("lost", recv_ns, count, reason)

    def tick(self, recv_ns):
        self._take("tick", recv_ns)

    def close(self, recv_ns, reason):
        self.closed = recv_ns, reason
        self._disk.pass_through()


class FakeDisk:
    """Opens files, which go on after a failure.

    `refuses` is raised when files are opened, `full` when they are written; `block()` lets both wait.
    """

    def __init__(self):
        self.files, self.refuses, self.full = [], None, None
        self._goes = threading.Event()
        self._goes.set()

    def open(self, _target, spec):
        self._goes.wait()
        if self.refuses is not None:
            raise self.refuses
        self.files.append(FakeFiles(self, spec))
        return self.files[-1]

    def of(self, symbol):
        return [each for each in self.files if each.symbol == symbol]

    def pass_through(self):
        self._goes.wait()
        if self.full is not None:
            raise self.full

    def block(self):
        """Take nothing from now on; returns what lets it go on."""
        self._goes.clear()
        return self._goes.set
