"""Which workers there are, which of them takes the next book, and when those that are to go end."""

from dataclasses import dataclass

import pytest

from depthactors.markets import SPOT
from depthactors.shards.workers import Workers, WorkersBook
from tests.shards.shard_support import spec_of


class Ref:
    """An actor that only knows whether it was stopped."""

    def __init__(self, name, restarts):
        self.name, self.restarts, self.alive = name, restarts, True

    def is_alive(self):
        return self.alive

    def stop(self, *, block):
        assert not block
        self.alive = False


@dataclass
class Cell:
    spec: object


@pytest.fixture
def workers():
    workers = Workers(2, Ref)
    workers.complete()
    return workers


def keep(worker, *symbols):
    for symbol in symbols:
        spec = spec_of(SPOT, symbol)
        worker.books[spec.key] = WorkersBook(Cell(spec), None, worker)


def symbols_of(worker):
    return [book.cell.spec.symbol for book in worker.books.values()]


def test_as_many_as_are_wanted_are_started_each_with_a_name_of_its_own(workers):
    workers.wanted = 3
    workers.complete()
    assert [worker.child.ref.name for worker in workers.present] == ["worker-1", "worker-2", "worker-3"]
    assert workers.refs == tuple(worker.child.ref for worker in workers.present)


def test_the_emptiest_and_the_fullest_are_among_those_that_stay(workers):
    first, second = workers.present
    keep(first, "A")
    assert (workers.emptiest, workers.fullest) == (second, first)
    workers.wanted = 1
    assert (workers.emptiest, workers.fullest) == (first, first)


def test_a_book_that_is_taken_is_kept_by_one_worker_only(workers):
    first, second = workers.present
    keep(first, "A", "B")
    book = next(iter(first.books.values()))
    second.take(book)
    assert (symbols_of(first), symbols_of(second), book.worker) == (["B"], ["A"], second)


def test_a_successor_has_the_name_the_books_and_the_count_of_restarts(workers):
    worker = workers.present[0]
    keep(worker, "A")
    former = worker.child.ref
    assert worker.child.may_restart(0.0)
    assert workers.start_successor(worker)
    assert worker.child.ref is not former
    assert (worker.child.ref.name, worker.child.ref.restarts) == ("worker-1", 1)
    assert symbols_of(worker) == ["A"]


def test_a_successor_that_cannot_be_started_leaves_the_dead_one_where_it_is(caplog):
    failure = OSError("no process to give")
    starts = iter([Ref("worker-1", 0), failure])

    def start(_name, _restarts):
        if isinstance(found := next(starts), OSError):
            raise found
        return found

    workers = Workers(1, start)
    workers.complete()
    dead = workers.present[0].child.ref
    assert not workers.start_successor(workers.present[0])
    assert workers.refs == (dead,)
    assert "no process to give" in caplog.text


def test_a_worker_beyond_the_wanted_number_ends_once_it_keeps_no_book(workers):
    first, leaving = workers.present
    keep(leaving, "A")
    workers.wanted = 1
    workers.dismiss()
    assert leaving.child.ref.alive
    assert workers.present == [first, leaving], "its book is followed still"
    first.take(*leaving.books.values())
    workers.dismiss()
    assert not leaving.child.ref.alive
    assert workers.present == [first]
