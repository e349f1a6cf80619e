"""Books in shared memory, without actors."""

import os
import shutil
from itertools import count

from depthactors import markets
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.publisher import FolderPublisher
from depthactors.binance import Snapshot
from depthactors.book import BookState, OrderBook
from depthactors.dispatcher.clock import SYSTEM_CLOCK
from depthactors.pacing import USUAL
from depthactors.sharing import DepthReader, EngineFolder
from tests.stepped import SteppedDispatcher

_numbers = count()


class Published:
    """Books in shared memory, and what their actors and the supervisor do to them."""

    def __init__(self):
        self.folder = EngineFolder(f"test-actor-{os.getpid()}-{next(_numbers)}")
        self.folder.open()
        self.books = FolderPublisher(self.folder, SYSTEM_CLOCK)
        self.reader = DepthReader(self.folder.name, number=None)

    def follow(self, symbol="BTCUSDT", depth=5, number=float):
        cell = LocalCell(BookSpec(markets.SPOT, symbol, depth, 100, None, number), USUAL, SteppedDispatcher())
        self.books.add(cell)
        self.books.publish()
        return cell

    def update(self, cell, update_id, levels=20, depth=None):
        """Do what a book's actor does with an update of a book that promises `depth` levels."""
        bids, asks = (
            [each for place in range(levels) for each in (50 + sign * (place + 1), update_id)] for sign in (-1, 1)
        )
        snapshot = Snapshot(update_id, 0, levels + 1, (0, 0), list(map(float, bids)), list(map(float, asks)))
        book = OrderBook(cell.spec.symbol, snapshot, depth=depth or cell.spec.depth, recv_time=1.0)
        cell.publish(book, BookState.LIVE)
        for listener in cell.listeners:
            listener.update(book)

    def change(self, cell, state, error=None):
        """Do what a book's actor does with a change of state."""
        previous, cell.error = cell.state, error
        cell.publish(cell.last_good(), state)
        for listener in cell.listeners:
            listener.event(BookEvent(cell.spec.symbol, previous, state, error))

    def view(self, symbol="BTCUSDT"):
        return self.reader.view(symbol)

    def close(self):
        self.reader.close()
        self.folder.close()
        shutil.rmtree(self.folder.path, ignore_errors=True)
