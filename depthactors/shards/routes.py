"""Who is told of what a worker says of a book. Any thread; a message each, nobody is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.actors.mailbox import tell
from depthactors.book import BookState

if TYPE_CHECKING:
    from depthactors.actors.notifier import Notifier
    from depthactors.errors import DepthActorsError
    from depthactors.shards.messages import BookChanged, BookRefused
    from depthactors.shards.remote_cell import RemoteCell


class Routes:
    """The books of an engine by their numbers; outlives the workers, and the books' actors."""

    def __init__(self, notifier: Notifier) -> None:
        """Know no book yet; `notifier` is who hears of errors that belong to none."""
        self._notifier = notifier
        self._cells: dict[int, RemoteCell] = {}

    def add(self, cell: RemoteCell) -> None:
        """Route what is said of this cell's number to its actor."""
        self._cells[cell.number] = cell

    def remove(self, cell: RemoteCell) -> None:
        """Route it no longer."""
        self._cells.pop(cell.number, None)

    def updated(self, numbers: tuple[int, ...]) -> None:
        """Notify the books' actors that there is something to show, unless they have still to see the last."""
        for number in numbers:
            cell = self._cells.get(number)
            if cell is not None:
                cell.note_update()

    def changed(self, change: BookChanged) -> None:
        """Notify the book's actor of what happened; a report of a worker that keeps the book no longer is dropped."""
        cell = self._cells.get(change.number)
        if cell is not None and change.life == cell.life and cell.ref is not None:
            if change.event.state is BookState.FAILED:
                # Who subscribes now is to have a new book, however long a callback keeps this one's actor.
                cell.failed_life = change.life
            tell(cell.ref, change)

    def refused(self, refusal: BookRefused) -> None:
        """Notify the book's actor of what its worker could not do."""
        cell = self._cells.get(refusal.number)
        if cell is not None and cell.ref is not None:
            tell(cell.ref, refusal)

    def failed(self, error: DepthActorsError) -> None:
        """Have it told whoever hears of errors of no book."""
        self._notifier.report_error(error)
