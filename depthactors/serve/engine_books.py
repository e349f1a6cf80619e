"""The books of an engine in this process, as a server has them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from depthactors.book import BookState
from depthactors.serve.feed import Feed
from depthactors.sharing.listing import SharedBook

if TYPE_CHECKING:
    from depthactors.book import BookView
    from depthactors.engine.depth_engine import DepthEngine
    from depthactors.engine.handle import BookHandle


class EngineBooks:
    """Follows a book of the engine while a stream of it has a reader.

    Thread: any.
    """

    def __init__(self, engine: DepthEngine[Any]) -> None:
        """Follow nothing yet; the engine is the caller's to start and stop."""
        self._engine = engine
        self._feeds: dict[SharedBook, tuple[Feed, BookHandle[Any]]] = {}
        self._lock = threading.Lock()

    def listed(self) -> dict[SharedBook, BookState]:
        """Return the books that the engine's own users follow, each with its state."""
        return {book: handle.state for book, handle in self._handles().items()}

    def view(self, book: SharedBook) -> tuple[BookView[Any], str | None]:
        """Return a book's latest view, and why it is not live, if that is known."""
        return self._seen(self._handles()[book])

    def feed(self, book: SharedBook) -> Feed:
        """Return the feed of a book, which follows it from now on.

        Raises:
            KeyError: the engine's own users do not follow it.
            LifecycleError: the engine was stopped.
        """
        with self._lock:
            if book in self._feeds:
                return self._feeds[book][0]
        return self._follow(book)

    def give_up_unread(self) -> None:
        """Follow a book no more that nobody reads, or that the engine's own users have given up."""
        wanted = self._handles()
        with self._lock:
            unread = {book: each for book, each in self._feeds.items() if book not in wanted or not each[0].is_read}
            for book in unread:
                del self._feeds[book]
        for feed, handle in unread.values():
            handle.close()
            feed.turned(BookState.STOPPED, None)

    def close(self) -> None:
        """Follow nothing any more."""
        with self._lock:
            feeds, self._feeds = self._feeds, {}
        for _, handle in feeds.values():
            handle.close()

    def _follow(self, book: SharedBook) -> Feed:
        # Without the lock: the engine calls `feed` before this returns.
        theirs = self._handles()[book]
        # As it is now: a book that is live is not shown as one that waits for its first snapshot.
        feed = Feed(book, *self._seen(theirs))
        handle = self._engine.subscribe(
            book.symbol,
            depth=book.depth,
            on_delta=feed.changed,
            on_event=feed.happened,
            # Not its name, which would be that of the real exchange's market for a book of a local exchange.
            market=theirs._cell.spec.market,
            speed_ms=book.speed_ms,
        )
        with self._lock:
            first, _ = self._feeds.setdefault(book, (feed, handle))
        if first is not feed:
            handle.close()
        return first

    @staticmethod
    def _seen(handle: BookHandle[Any]) -> tuple[BookView[Any], str | None]:
        view, error = handle.view(), handle.error
        return view, None if view.state is BookState.LIVE or error is None else str(error)

    def _handles(self) -> dict[SharedBook, BookHandle[Any]]:
        with self._lock:
            ours = {handle for _, handle in self._feeds.values()}
        found: dict[SharedBook, BookHandle[Any]] = {}
        for handle in self._engine.books():
            if handle in ours:
                continue
            book = SharedBook(handle.symbol, handle.market, handle.speed_ms, handle.depth)
            found[book] = handle
        return found
