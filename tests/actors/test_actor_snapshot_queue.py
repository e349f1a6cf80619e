"""The queue of requests for snapshots, against a list that is sorted anew each time."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.actors.snapshot_messages import SnapshotWanted
from depthactors.actors.snapshot_queue import SnapshotQueue
from depthactors.sync import Priority

BOOKS = [SimpleNamespace(actor_urn=f"urn-{number}") for number in range(5)]
STEPS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([*Priority, None])), max_size=40)


def wanted(book, priority, epoch=1):
    return SnapshotWanted(markets.SPOT, "BTCUSDT", 100, epoch, priority, BOOKS[book])


@given(STEPS)
def test_the_most_urgent_goes_first_and_the_oldest_of_equals_each_book_once(steps):
    queue, model = SnapshotQueue(), {}
    for serial, (book, priority) in enumerate(steps):
        if priority is None:
            if book in model:
                queue.remove(wanted(book, Priority.NEW))
                del model[book]
            continue
        before = model.get(book)
        since = before[1] if before is not None and before[0] <= priority else serial
        model[book] = priority, since, serial
        queue.put(wanted(book, priority, epoch=serial))
        assert wanted(book, Priority.REFRESH) in queue
    assert [each.epoch for each in queue] == [serial for _, _, serial in sorted(model.values())]
    assert (len(queue), bool(queue)) == (len(model), bool(model))


def test_what_does_not_wait_cannot_be_removed():
    with pytest.raises(KeyError):
        SnapshotQueue().remove(wanted(0, Priority.NEW))
