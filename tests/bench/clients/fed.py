"""Keeps books as a worker process does, of frames from memory instead of from a socket; ours only.

A feeder thread takes the place of the reader thread: it hands the router what reads would have brought, a frame a
book each. From there on all is the library's own: the router, mailboxes, the dispatcher, decoding and checking, the
machine, the book, and the record that the book writes to its slot in shared memory.

Arguments: a folder with `snapshot.json` and `frames`, the market, the symbol in them, `shared` or `alone`, a depth, and
the symbols to be kept. A line of input is a round, a line of output what came of it.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

from depthactors import binance, markets
from depthactors.actors.base import EngineActor
from depthactors.actors.book import BookActor
from depthactors.actors.book_messages import StreamUp
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.publisher import FolderPublisher
from depthactors.actors.questions import Status
from depthactors.actors.receivers import Receivers
from depthactors.actors.router import Router
from depthactors.actors.snapshot_messages import SnapshotArrived
from depthactors.actors.subscriptions import Subscriptions
from depthactors.book import BookState
from depthactors.dispatcher.clock import SYSTEM_CLOCK
from depthactors.dispatcher.guarded import Guarded
from depthactors.dispatcher.mailbox import mailbox_of, tell
from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.pacing import USUAL
from depthactors.sharing import DepthReader, EngineFolder

SPEED_MS = 100
AHEAD = 64
"""Frames that may wait for a book: few, so that none is late, and enough for it never to wait."""
LOOK_EVERY = 8
PAUSE = 0.0002
PATIENCE = 60.0
READ = 5
"""Levels of the book that is told at the end."""


class Snapshots(EngineActor):
    """Answers every book with the same snapshot, and is the parent of the books."""

    def __init__(self, dispatcher, snapshot):
        super().__init__("snapshots", None, dispatcher)
        self._snapshot = snapshot

    def handle(self, wanted):
        tell(wanted.ref, SnapshotArrived(wanted.epoch, self._snapshot, time.time()))


class Books:
    """The books of a round."""

    def __init__(self, specs, snapshots, folder):
        dispatcher = mailbox_of(snapshots).dispatcher
        self.cells = [LocalCell(spec, USUAL, dispatcher) for spec in specs]
        self._shared = None if folder is None else FolderPublisher(folder, SYSTEM_CLOCK)
        if self._shared is not None:
            for cell in self.cells:
                self._shared.add(cell)
            self._shared.publish()
        self.refs = [
            BookActor.start(f"book-{cell.spec.symbol}", cell, snapshots=snapshots, supervisor=snapshots)
            for cell in self.cells
        ]

    def end(self):
        """End them, and share them no longer."""
        for ref in self.refs:
            ref.stop()
        for cell in self.cells:
            if self._shared is not None:
                self._shared.remove(cell)


def main(folder, market, symbol, how, depth, *symbols):
    row = markets.lookup(market)
    reply = json.loads((Path(folder) / "snapshot.json").read_bytes())
    frames = (Path(folder) / "frames").read_bytes().splitlines()
    feeds = [_of_symbol(frames, symbol, each) for each in symbols]
    shown = max(len(reply["bids"]), len(reply["asks"]))
    snapshot = binance.parse_snapshot(reply, min(limit for limit in row.limits if limit >= shown))
    dispatcher = PooledDispatcher()
    dispatcher.start()
    snapshots = Snapshots.start(dispatcher, snapshot)
    specs = [BookSpec(row, each, int(depth), SPEED_MS, None, float) for each in symbols]
    shared = EngineFolder(f"bench-{os.getpid()}") if how == "shared" else None
    if shared is not None:
        shared.open()
    try:
        _tell(ready=True)
        for epoch, _ in enumerate(sys.stdin, 1):
            books = Books(specs, snapshots, shared)
            try:
                told = _play(books, feeds, epoch)
                views = _views(books, shared)
            finally:
                books.end()
            _tell(**told, books=[[view.bids[:READ], view.asks[:READ]] for view in views])
    finally:
        snapshots.stop()
        dispatcher.close()
        if shared is not None:
            shared.close()


def _of_symbol(frames, symbol, name):
    pairs = [(symbol.encode(), name.encode()), (symbol.lower().encode(), name.lower().encode())]
    for old, new in pairs:
        frames = [frame.replace(old, new) for frame in frames]
    return frames


def _play(books, feeds, epoch):
    """Feed the books all frames; time is from the second frames on, when all books are live."""
    streams = [cell.spec.market.diff_stream(cell.spec.symbol, SPEED_MS).encode() for cell in books.cells]
    receivers = Receivers()
    for stream, ref in zip(streams, books.refs, strict=True):
        receivers.put(stream, ref)
    router = Router(epoch, books.refs[0], receivers, Guarded(Subscriptions()), notify_failure=False)
    boxes = [mailbox_of(ref) for ref in books.refs]
    for box in boxes:
        box.put_ordered(StreamUp(epoch))
    router.route(binance.TEXT, [frames[0] for frames in feeds], time.time())
    _wait(lambda: all(cell.state is BookState.LIVE for cell in books.cells))
    feeder = threading.Thread(target=_feed, args=(router, boxes, feeds))
    cpu, begun = time.process_time(), time.monotonic()
    feeder.start()
    feeder.join()
    _wait(lambda: all(cell.counters.diffs == len(feeds[0]) for cell in books.cells))
    for ref in books.refs:
        # It is done with the last frame, and has written it.
        ref.ask(Status(), timeout=PATIENCE)
    # Of a clock that all processes of a machine have in common.
    return {
        "begun": begun,
        "ended": time.monotonic(),
        "cpu": time.process_time() - cpu,
        "frames": (len(feeds[0]) - 1) * len(feeds),
        "coalesced": sum(cell.counters.coalesced for cell in books.cells),
    }


def _feed(router, boxes, feeds):
    for number in range(1, len(feeds[0])):
        router.route(binance.TEXT, [frames[number] for frames in feeds], time.time())
        if number % LOOK_EVERY == 0:
            while any(box.waiting_frames > AHEAD for box in boxes):
                time.sleep(PAUSE)


def _views(books, shared):
    """Return what readers see in the end: of shared books what is in shared memory."""
    if shared is None:
        return [cell.view(READ, float) for cell in books.cells]
    with DepthReader(shared.name) as reader:
        return [reader.view(cell.spec.symbol) for cell in books.cells]


def _wait(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            msg = f"the books have not got so far within {PATIENCE:g} s"
            raise TimeoutError(msg)
        time.sleep(PAUSE)


def _tell(**facts):
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
