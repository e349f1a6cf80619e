"""Which workers there are, which books are to move between them, and when those that are to go end."""

import pytest

from depthactors.shards import workers as module
from depthactors.shards.balance import LOOK_EVERY, PAUSE
from depthactors.shards.workers import Workers


class Ref:
    """An actor that only knows whether it was told to end."""

    def __init__(self, name, restarts):
        self.name, self.restarts, self.alive = name, restarts, True

    def is_alive(self):
        return self.alive

    def stop(self, *, block):
        assert not block
        self.alive = False


@pytest.fixture
def now(monkeypatch):
    """Let a test set the clock."""
    now = [0.0]
    monkeypatch.setattr(module, "_clock", lambda: now[0])
    return now


@pytest.fixture
def workers(now):
    workers = Workers(2, Ref)
    workers.complete()
    return workers


def keep(worker, *keys):
    worker.books |= dict.fromkeys(keys)


def test_as_many_as_are_wanted_are_started_each_with_a_name_of_its_own(workers):
    workers.wanted = 3
    workers.complete()
    assert [worker.child.ref.name for worker in workers.present] == ["worker-1", "worker-2", "worker-3"]
    assert workers.refs == tuple(worker.child.ref for worker in workers.present)


def test_the_emptiest_and_the_fullest(workers):
    first, second = workers.present
    keep(first, "A")
    assert (workers.emptiest, workers.fullest) == (second, first)


def test_a_successor_has_the_name_the_books_and_the_count_of_restarts_and_used_no_time_yet(workers):
    worker = workers.present[0]
    keep(worker, "A")
    worker.cpu = worker.cpu_before = 9.0
    former = worker.child.ref
    assert worker.child.may_restart(0.0)
    assert workers.succeed(worker)
    assert worker.child.ref is not former
    assert (worker.child.ref.name, worker.child.ref.restarts) == ("worker-1", 1)
    assert (list(worker.books), worker.cpu, worker.cpu_before) == (["A"], 0.0, 0.0)


def test_a_successor_that_cannot_be_started_leaves_the_dead_one_where_it_is(now, caplog):
    failure = OSError("no process to give")
    starts = iter([Ref("worker-1", 0), failure])

    def start(_name, _restarts):
        if isinstance(found := next(starts), OSError):
            raise found
        return found

    workers = Workers(1, start)
    workers.complete()
    dead = workers.present[0].child.ref
    assert not workers.succeed(workers.present[0])
    assert workers.refs == (dead,)
    assert "no process to give" in caplog.text


def test_one_that_is_to_go_ends_when_the_last_of_its_books_is_closed(workers):
    leaving = workers.present[1]
    leaving.closing |= {7, 8}
    workers.wanted = 1
    assert workers.dismiss() == [leaving]
    leaving.end_if_closed()
    assert leaving not in workers.present
    assert workers.find(leaving.child.ref) is leaving, "it may die before"
    workers.closed(7)
    assert leaving.child.ref.alive
    workers.closed(8)
    assert not leaving.child.ref.alive
    assert workers.dismiss() == []
    assert workers.find(leaving.child.ref) is None, "it is over"


def test_an_overloaded_worker_gives_its_latest_books_to_an_idle_one_then_none_for_a_while(workers, now):
    first, second = workers.present
    keep(first, *"ABCDEFGH")

    def look(cores, seconds=LOOK_EVERY):
        now[0] += seconds
        first.cpu += cores * seconds
        return workers.overload()

    assert look(0.5) is None
    keys, to = look(0.9)
    assert (keys, to) == ([*"EFGH"], second)
    assert look(0.9) is None, "so soon after a move nothing is known"
    assert look(0.9, PAUSE) is not None
