"""The rules by which children are replaced, and that the table of them names every child there is."""

from depthactors.actors import supervision
from depthactors.actors.supervision import RESTART_SECONDS, RESTARTS, Supervised


def test_a_child_is_replaced_so_often_in_so_many_seconds_and_then_no_more():
    child = Supervised(ref=None)
    assert [child.may_restart(float(number)) for number in range(RESTARTS + 1)] == [True] * RESTARTS + [False]
    assert child.restarts == RESTARTS


def test_what_was_long_ago_does_not_count():
    child = Supervised(ref=None)
    for number in range(5 * RESTARTS):
        assert child.may_restart(number * RESTART_SECONDS / RESTARTS)
    assert child.restarts == 5 * RESTARTS


def test_a_successor_that_cannot_be_started_leaves_the_dead_one_in_its_place_and_says_why():
    child, error = Supervised(ref="dead"), OSError("no")

    def fail():
        raise error

    assert (child.start_successor("book", fail), child.ref, child.failure, error.__traceback__) == (
        False,
        "dead",
        error,
        None,
    )
    assert (child.start_successor("book", lambda: "new"), child.ref, child.failure) == (True, "new", None)


def test_the_table_names_every_kind_of_child():
    rows = [line.split("|")[1].strip() for line in supervision.__doc__.splitlines() if line.startswith("| ")]
    children = ["book", "socket", "reader thread", "snapshot actor", "REST worker"]
    assert [row for row in rows if row][1:] == [*children, "ticker", "worker process", "actor of a", "remote book"]
