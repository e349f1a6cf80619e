"""What processes agree upon when nothing is under way: which worker keeps which book, and in which slot."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from depthactors.dispatcher.mailbox import mailbox_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pykka

    from tests.sim.processes import SimulatedProcess

_SOON = 1.0


def disagreements(supervisor: pykka.ActorRef[Any], workers: Iterable[SimulatedProcess]) -> Iterator[str]:
    """Yield what is kept though nobody wants it, is wanted and not kept, or waits for an answer that was lost."""
    root: Any = mailbox_of(supervisor).root
    wanted = {book.cell.book_id: book.cell for book in root._books.values()}
    kept: Counter[int] = Counter()
    for worker in workers:
        yield from _unfinished(worker)
        if worker.engine is not None:
            kept.update(worker.engine._orders._books.keys())
    for book_id in kept.keys() | wanted.keys():
        if kept[book_id] != (book_id in wanted):
            yield f"book {book_id}: {kept[book_id]} workers keep it, {int(book_id in wanted)} is wanted"
    for cell in wanted.values():
        if cell.is_noted and cell.dispatcher.monotonic() - cell._noted_at > _SOON:
            yield f"{cell.spec.symbol}: an update was noted, and no actor looks at it"
    for present in root._workers.present:
        yield from _unanswered(present.name, present.child.ref._actor_weakref())
    slots = sum(len(each.books) for each in root._folder._files.values())
    if slots != len(wanted):
        yield f"{slots} slots for {len(wanted)} books"


def _unanswered(name: str, actor: Any) -> Iterator[str]:
    if actor is None:
        yield f"{name}: no actor keeps it"
        return
    with actor._asked as asked:
        if asked:
            yield f"{name}: {len(asked)} requests were never answered"


def _unfinished(worker: SimulatedProcess) -> Iterator[str]:
    if worker.engine is None:
        yield f"{worker.name}: it has not begun"
        return
    if worker.engine._orders.waiting:
        yield f"{worker.name}: {worker.engine._orders.waiting} orders wait"
    with worker.engine._leases._asked as asked:
        if len(asked) > 1:
            yield f"{worker.name}: waits for {len(asked)} leases"
    root: Any = mailbox_of(worker.actors()[0]).root
    if len(root._books) != len(worker.engine._orders._books):
        yield f"{worker.name}: {len(root._books)} books are followed for {len(worker.engine._orders._books)}"
