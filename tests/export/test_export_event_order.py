"""The order of hftbacktest's events, against a merge that goes row by row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

np = pytest.importorskip("numpy", reason="the extra `export` is not installed")

from depthactors.export.event_order import EVENT, EXCH_EVENT, LOCAL_EVENT, in_order, late_rows

BOTH = int(EXCH_EVENT | LOCAL_EVENT)


def rows_of(times):
    """Make rows with these exchange times, received one after the other, some at the same time."""
    rows = np.zeros(len(times), EVENT)
    rows["exch_ts"] = times
    rows["local_ts"] = [100 + number // 2 for number in range(len(times))]
    rows["px"] = range(len(times))
    rows["ev"] = 1
    return rows


def naive(rows):
    """Walk along both orders at once: the earlier row of the two is next, and one that both have is one event."""
    key = lambda row: (int(row["exch_ts"]), int(row["local_ts"]))  # noqa: E731
    by_exchange, by_receipt, found = sorted(rows, key=lambda row: row["exch_ts"]), list(rows), []
    while by_exchange or by_receipt:
        if by_exchange and by_receipt and key(by_exchange[0]) == key(by_receipt[0]):
            found.append((float(by_exchange.pop(0)["px"]), BOTH))
            by_receipt.pop(0)
        elif by_exchange and (not by_receipt or key(by_exchange[0]) < key(by_receipt[0])):
            found.append((float(by_exchange.pop(0)["px"]), int(EXCH_EVENT)))
        else:
            found.append((float(by_receipt.pop(0)["px"]), int(LOCAL_EVENT)))
    return found


@given(st.lists(st.integers(1, 12), max_size=24), st.integers(1, 7))
def test_it_is_the_order_of_a_merge_whatever_the_chunks(times, size):
    rows = rows_of(times)
    chunks = [rows[begin : begin + size] for begin in range(0, len(rows), size)]
    earliest = [int(chunk["exch_ts"].min()) for chunk in chunks]
    events = [event for part in in_order((chunk.copy() for chunk in chunks), earliest) for event in part]
    assert [(float(event["px"]), int(event["ev"]) & ~1) for event in events] == naive(rows)
    assert len(events) == len(rows) + np.count_nonzero(late_rows(rows["exch_ts"], 0))


def test_rows_in_order_are_one_event_each_and_go_on_chunk_by_chunk():
    chunks = [rows_of([1, 2, 3]), rows_of([3, 4, 5])]
    first, second = in_order(iter(chunks), [1, 3])
    assert [len(first), len(second)] == [3, 3]
    assert {int(event["ev"]) for part in (first, second) for event in part} == {BOTH | 1}


def test_the_latest_time_of_the_chunk_before_makes_a_row_late():
    assert late_rows(np.array([4, 5, 6]), 5).tolist() == [True, False, False]
