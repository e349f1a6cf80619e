"""What is moved because of load: only what helps, and not for ever."""

from hypothesis import given
from hypothesis import strategies as st

from depthactors.shards.balance import Load, relief

LOADS = st.lists(
    st.builds(Load, st.floats(0, 1.2), st.integers(0, 40)),
    max_size=6,
)


@given(LOADS)
def test_what_is_moved_leaves_the_busiest_better_off_and_makes_nobody_as_busy(loads):
    moves = relief(loads)
    if moves is None:
        return
    cores, books = loads[moves.busiest]
    assert cores == max(load.cores for load in loads)
    assert loads[moves.idlest].cores == min(load.cores for load in loads)
    assert cores >= 0.8
    assert 1 <= moves.books < books
    assert loads[moves.idlest].cores + moves.books * cores / books < cores


@given(st.lists(st.integers(0, 30), min_size=2, max_size=6), st.floats(0.001, 1.0))
def test_workers_with_alike_books_come_to_rest(books, each):
    # As many looks as there are books are more than enough, if none moves back.
    for _ in range(sum(books) + 1):
        moves = relief([Load(each * count, count) for count in books])
        if moves is None:
            break
        books[moves.busiest] -= moves.books
        books[moves.idlest] += moves.books
    else:
        raise AssertionError(books)


def test_what_must_not_be_moved_is_not():
    assert relief([]) is None
    assert relief([Load(1.0, 10)]) is None
    assert relief([Load(0.79, 10), Load(0.0, 0)]) is None, "it has time left"
    assert relief([Load(1.0, 10), Load(0.71, 10)]) is None, "they are alike"
    assert relief([Load(1.0, 1), Load(0.0, 0)]) is None, "a book is on one core"
    assert relief([Load(0.9, 2), Load(0.5, 3)]) is None, "the other one would be as busy as this one is"


def test_half_of_the_difference_is_moved():
    assert relief([Load(0.2, 5), Load(1.0, 10), Load(0.1, 1)]) == (1, 2, 4)
