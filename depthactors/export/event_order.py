"""The order of hftbacktest's events: by the exchange's time and by the time of receipt, in one array.

A row that is in order on both clocks is one event of both kinds. A row whose exchange time is before that of an earlier
row is there twice: as an event of the exchange where its exchange time belongs, and as a local event where it was
received. It is what hftbacktest's `correct_event_order` makes of the same rows, here chunk by chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

Rows: TypeAlias = "NDArray[Any]"

EVENT: Final = np.dtype(
    [
        ("ev", "u8"),
        ("exch_ts", "i8"),
        ("local_ts", "i8"),
        ("px", "f8"),
        ("qty", "f8"),
        ("order_id", "u8"),
        ("ival", "i8"),
        ("fval", "f8"),
    ],
    align=True,
)
"""hftbacktest's `types.event_dtype`."""

EXCH_EVENT: Final = np.uint64(1 << 31)
LOCAL_EVENT: Final = np.uint64(1 << 30)
_LATEST: Final = np.iinfo(np.int64).max


def late_rows(exch_ts: NDArray[np.int64], latest: int) -> NDArray[np.bool_]:
    """Return which rows are before an earlier row on the exchange's clock.

    Args:
        exch_ts: exchange times, in the order of receipt.
        latest: the latest one before them.
    """
    result: NDArray[np.bool_] = exch_ts < np.maximum(np.maximum.accumulate(exch_ts), latest)
    return result


def in_order(chunks: Iterable[Rows], earliest: Sequence[int]) -> Iterator[Rows]:
    """Give the events of rows; memory holds a chunk, and what is late behind it.

    Args:
        chunks: rows without the two flags, in the order of receipt.
        earliest: the earliest exchange time of each chunk.
    """
    # The earliest time of all chunks behind each.
    behind = np.minimum.accumulate([_LATEST, *reversed(earliest)])[-2::-1]
    rest = np.empty(0, EVENT)
    for chunk, to_come in zip(chunks, behind, strict=True):
        rows = np.concatenate([rest, chunk]) if len(rest) else chunk
        exch_ts = rows["exch_ts"]
        coming = np.minimum(np.append(np.minimum.accumulate(exch_ts[::-1])[-2::-1], _LATEST), to_come)
        closed = np.flatnonzero(coming >= np.maximum.accumulate(exch_ts))
        cut = int(closed[-1]) + 1 if len(closed) else 0
        if cut:
            yield _ordered(rows[:cut])
        rest = rows[cut:].copy()


def _ordered(rows: Rows) -> Rows:
    """Return the events of rows behind which nothing is late."""
    exch_ts = rows["exch_ts"]
    is_late = late_rows(exch_ts, 0)
    if not is_late.any():
        rows["ev"] |= EXCH_EVENT | LOCAL_EVENT
        return rows
    late, timely = np.flatnonzero(is_late), np.flatnonzero(~is_late)
    # A row in time is in a place of its own. Between two of them are first what was received late, then what was late
    # on the exchange's clock and belongs there.
    place = np.cumsum(~is_late)
    earlier = np.searchsorted(exch_ts[timely], exch_ts[late], side="right")
    by_time = np.argsort(exch_ts[late], kind="stable")
    sources = np.concatenate([timely, late, late[by_time]])
    places = np.concatenate([place[timely] - 1, place[late], earlier[by_time]])
    kinds = np.repeat([2, 0, 1], [len(timely), len(late), len(late)])
    flags = np.array([LOCAL_EVENT, EXCH_EVENT, EXCH_EVENT | LOCAL_EVENT], np.uint64)
    # Stable: rows of one place and kind stay as they are, in the order of receipt, or of the exchange's clock.
    order = np.lexsort((kinds, places))
    events: Rows = rows[sources[order]]
    events["ev"] |= flags[kinds[order]]
    return events
