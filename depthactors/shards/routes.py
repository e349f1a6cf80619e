"""The way of a worker's reports to the remote book actors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.book import BookState
from depthactors.dispatcher.mailbox import tell

if TYPE_CHECKING:
    from depthactors.actors.notifier import Notifier
    from depthactors.errors import DepthActorsError
    from depthactors.shards.messages import BookChanged, BookRefused
    from depthactors.shards.remote_cell import RemoteCell


class Routes:
    """The books of an engine by their ids. It outlives the workers and the books' actors.

    Thread: any; a report becomes a message, and nothing is waited for.
    """

    def __init__(self, notifier: Notifier) -> None:
        """Know no book yet.

        Args:
            notifier: notifies users of errors that belong to no book.
        """
        self._notifier = notifier
        self._cells: dict[int, RemoteCell] = {}

    def add(self, cell: RemoteCell) -> None:
        """Send the reports of this cell's id to its actor."""
        self._cells[cell.book_id] = cell

    def remove(self, cell: RemoteCell) -> None:
        """Drop the reports of this cell's id."""
        self._cells.pop(cell.book_id, None)

    def updated(self, book_ids: tuple[int, ...]) -> None:
        """Have the books' actors look at their slots, unless they have not yet looked at the last update."""
        for book_id in book_ids:
            cell = self._cells.get(book_id)
            if cell is not None:
                cell.note_update()

    def changed(self, change: BookChanged) -> None:
        """Send the actor an event of its book; a report of a worker that keeps the book no longer is dropped."""
        cell = self._cells.get(change.book_id)
        if cell is not None and change.life == cell.life and cell.ref is not None:
            if change.event.state is BookState.FAILED:
                # A new subscription gets a new book, also before the actor has handled this.
                cell.failed_life = change.life
            tell(cell.ref, change)

    def refused(self, refusal: BookRefused) -> None:
        """Send the actor its worker's refusal."""
        cell = self._cells.get(refusal.book_id)
        if cell is not None and cell.ref is not None:
            tell(cell.ref, refusal)

    def failed(self, error: DepthActorsError) -> None:
        """Report an error that belongs to no book."""
        self._notifier.report_error(error)
