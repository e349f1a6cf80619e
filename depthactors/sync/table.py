"""The life of a book as a table: `TABLE[phase, cause] -> (phase, action)`, by their classes.

`machine` and `doubts` decide what a cause is, before it is looked up: a diff is stale, next or a gap only relative to
the book; a snapshot is too old, fitting or ahead only relative to the buffer. `transitions` has the actions. A row that
pairs an action with a phase or a cause that it does not take, or names another phase than it leads to, is a type error.
A pair that is not in the table cannot happen; looking it up is a bug.

Not in the table: epochs (a cause of an old connection is dropped before it is classified), the buffer's bound, and
whether a book in sequence is also sound enough to be called LIVE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from depthactors.sync.causes import (
    ChainFault,
    Changed,
    Close,
    ConnectionDown,
    ConnectionUp,
    DiffBehind,
    DiffConfirms,
    DiffGap,
    DiffNext,
    DiffStale,
    Handover,
    Met,
    RefreshNeeded,
    SnapshotAhead,
    SnapshotCrossed,
    SnapshotFits,
    SnapshotOld,
)
from depthactors.sync.phases import Aligning, Bridging, Buffering, Closed, Disconnected, Following, Phase, Refreshing
from depthactors.sync.transitions import Done, Row, Transitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.sync.causes import Cause
    from depthactors.sync.transitions import Table

_P = TypeVar("_P", bound=Phase)
_C = TypeVar("_C", bound="Cause")
_A = TypeVar("_A", bound=Phase)


def _row(
    phase: type[_P], cause: type[_C], after: type[_A], action: Callable[[Transitions, _P, _C], Done[_A]]
) -> tuple[tuple[type[Any], type[Any]], Row]:
    return (phase, cause), Row(after, action)


_T = Transitions

TABLE: Table = dict(
    (
        _row(Disconnected, ConnectionUp, Buffering, _T.begin),
        _row(Disconnected, RefreshNeeded, Disconnected, _T.ignore),
        _row(Disconnected, Close, Closed, _T.close),
        _row(Buffering, ConnectionDown, Disconnected, _T.suspend),
        _row(Buffering, Handover, Buffering, _T.ask_successor),
        _row(Buffering, DiffStale, Buffering, _T.ignore),
        _row(Buffering, DiffNext, Buffering, _T.keep),
        _row(Buffering, DiffGap, Buffering, _T.resync_after_gap),
        _row(Buffering, ChainFault, Buffering, _T.resync),
        _row(Buffering, SnapshotOld, Buffering, _T.ask_again),
        _row(Buffering, SnapshotCrossed, Buffering, _T.refuse),
        _row(Buffering, SnapshotFits, Following, _T.adopt),
        _row(Buffering, SnapshotAhead, Bridging, _T.hold),
        _row(Buffering, RefreshNeeded, Buffering, _T.ignore),
        _row(Buffering, Close, Closed, _T.close),
        _row(Bridging, ConnectionDown, Disconnected, _T.suspend),
        _row(Bridging, Handover, Bridging, _T.wait),
        _row(Bridging, DiffBehind, Bridging, _T.ignore),
        _row(Bridging, DiffConfirms, Following, _T.adopt_met),
        _row(Bridging, DiffNext, Following, _T.join),
        _row(Bridging, DiffGap, Buffering, _T.resync_after_gap),
        _row(Bridging, ChainFault, Buffering, _T.resync),
        _row(Bridging, SnapshotOld, Buffering, _T.ask_again),
        _row(Bridging, RefreshNeeded, Bridging, _T.ignore),
        _row(Bridging, Close, Closed, _T.close),
        _row(Following, ConnectionDown, Disconnected, _T.suspend),
        _row(Following, Handover, Following, _T.rejoin),
        _row(Following, DiffStale, Following, _T.ignore),
        _row(Following, DiffBehind, Bridging, _T.doubt),
        _row(Following, DiffConfirms, Following, _T.confirm),
        _row(Following, DiffNext, Following, _T.apply),
        _row(Following, DiffGap, Buffering, _T.resync_after_gap),
        _row(Following, ChainFault, Buffering, _T.resync),
        _row(Following, RefreshNeeded, Refreshing, _T.refresh),
        _row(Following, Changed, Following, _T.assess),
        _row(Following, Close, Closed, _T.close),
        _row(Refreshing, ConnectionDown, Disconnected, _T.suspend),
        _row(Refreshing, Handover, Refreshing, _T.rejoin_and_refresh),
        _row(Refreshing, DiffStale, Refreshing, _T.ignore),
        _row(Refreshing, DiffBehind, Bridging, _T.doubt),
        _row(Refreshing, DiffConfirms, Refreshing, _T.confirm),
        _row(Refreshing, DiffNext, Refreshing, _T.apply_and_keep),
        _row(Refreshing, DiffGap, Buffering, _T.resync_after_gap),
        _row(Refreshing, ChainFault, Buffering, _T.resync),
        _row(Refreshing, SnapshotOld, Refreshing, _T.refresh_again),
        _row(Refreshing, SnapshotCrossed, Refreshing, _T.refuse_refresh),
        _row(Refreshing, SnapshotFits, Following, _T.swap),
        _row(Refreshing, SnapshotAhead, Aligning, _T.hold_beside),
        _row(Refreshing, RefreshNeeded, Refreshing, _T.ignore),
        _row(Refreshing, Changed, Refreshing, _T.assess),
        _row(Refreshing, Close, Closed, _T.close),
        _row(Aligning, ConnectionDown, Disconnected, _T.suspend),
        _row(Aligning, Handover, Aligning, _T.rejoin),
        _row(Aligning, DiffStale, Aligning, _T.ignore),
        _row(Aligning, DiffBehind, Bridging, _T.doubt),
        _row(Aligning, DiffConfirms, Aligning, _T.confirm),
        _row(Aligning, DiffNext, Aligning, _T.apply_to_both),
        _row(Aligning, DiffGap, Buffering, _T.resync_after_gap),
        _row(Aligning, ChainFault, Buffering, _T.resync),
        _row(Aligning, SnapshotOld, Refreshing, _T.refresh_again),
        _row(Aligning, Met, Following, _T.swap_met),
        _row(Aligning, RefreshNeeded, Aligning, _T.ignore),
        _row(Aligning, Changed, Aligning, _T.assess),
        _row(Aligning, Close, Closed, _T.close),
        _row(Closed, ConnectionUp, Closed, _T.ignore),
        _row(Closed, RefreshNeeded, Closed, _T.ignore),
        _row(Closed, Close, Closed, _T.ignore),
    )
)


def diagram() -> str:
    """Draw the table as a mermaid state diagram; transitions that stay where they are are left out."""
    lines = ["stateDiagram-v2", f"    [*] --> {Disconnected.state.value}"]
    edges: dict[tuple[str, str], list[str]] = {}
    for (phase, cause), (after, _) in TABLE.items():
        if after is not phase and cause is not Close:
            edges.setdefault((phase.state.value, after.state.value), []).append(cause.title)
    lines += [f"    {start} --> {end}: {', '.join(causes)}" for (start, end), causes in edges.items()]
    return "\n".join(lines)
