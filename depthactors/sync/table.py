"""The life of a book as a table: `TABLE[state, input] -> (state, action)`.

What an input *is* is decided before the look-up (a diff is stale, next or a gap only relative to
the book; a snapshot is too old, fitting or ahead only relative to the buffer). What is done is the
action's business, in `machine`. A pair that is not in the table cannot happen; looking it up is a bug.

Not in the table: epochs (an input of an old connection is dropped before it is classified), the
buffer's bound, and whether a book in sequence is also sound enough to be called LIVE.
"""

from __future__ import annotations

from enum import Enum


class SyncState(Enum):
    """Where a book stands with its stream."""

    DISCONNECTED = "disconnected"
    """No stream: nothing can be kept current."""
    BUFFERING = "buffering"
    """The stream is up, diffs are buffered, a snapshot is wanted."""
    BRIDGING = "bridging"
    """A snapshot is in hand that the stream has not reached: believed once a diff joins the two."""
    FOLLOWING = "following"
    """Each diff is applied as it comes."""
    REFRESHING = "refreshing"
    """The same, and diffs are buffered too, since a snapshot is wanted for a new base."""
    ALIGNING = "aligning"
    """The same, with the new base in hand and ahead: waiting until the diffs reach it."""
    CLOSED = "closed"
    """Stopped or given up."""


class Input(Enum):
    """What can happen to a book, classified."""

    STREAM_UP = "stream up"
    STREAM_DOWN = "stream down"
    DIFF_STALE = "stale diff"
    DIFF_NEXT = "next diff"
    DIFF_BEHIND = "stale first diff"
    DIFF_GAP = "gap"
    HANDOVER = "handover"
    FAULT = "fault"
    SNAPSHOT_OLD = "snapshot too old"
    SNAPSHOT_FITS = "snapshot fits"
    SNAPSHOT_AHEAD = "snapshot ahead"
    REFRESH_DUE = "refresh due"
    MET = "met"
    CLOSE = "close"


class Action(Enum):
    """What a transition does; each is one method of the machine."""

    IGNORE = "ignore"
    BEGIN = "begin"
    SUSPEND = "suspend"
    DROP = "drop"
    BUFFER = "buffer"
    APPLY = "apply"
    APPLY_AND_BUFFER = "apply and buffer"
    APPLY_TO_BOTH = "apply to both"
    RESYNC = "resync"
    ASK_AGAIN = "ask again"
    ASK_REFRESH = "ask for a refresh"
    ADOPT = "adopt"
    JOIN = "join"
    DOUBT = "doubt"
    REJOIN = "rejoin"
    REJOIN_AND_ASK = "rejoin and ask"
    HOLD = "hold"
    SWAP = "swap"
    CLOSE = "close"


_S, _I, _A = SyncState, Input, Action

TABLE: dict[tuple[SyncState, Input], tuple[SyncState, Action]] = {
    (_S.DISCONNECTED, _I.STREAM_UP): (_S.BUFFERING, _A.BEGIN),
    (_S.DISCONNECTED, _I.REFRESH_DUE): (_S.DISCONNECTED, _A.IGNORE),
    (_S.BUFFERING, _I.STREAM_DOWN): (_S.DISCONNECTED, _A.SUSPEND),
    (_S.BUFFERING, _I.HANDOVER): (_S.BUFFERING, _A.ASK_AGAIN),
    (_S.BUFFERING, _I.DIFF_STALE): (_S.BUFFERING, _A.DROP),
    (_S.BUFFERING, _I.DIFF_NEXT): (_S.BUFFERING, _A.BUFFER),
    (_S.BUFFERING, _I.DIFF_GAP): (_S.BUFFERING, _A.RESYNC),
    (_S.BUFFERING, _I.FAULT): (_S.BUFFERING, _A.RESYNC),
    (_S.BUFFERING, _I.SNAPSHOT_OLD): (_S.BUFFERING, _A.ASK_AGAIN),
    (_S.BUFFERING, _I.SNAPSHOT_FITS): (_S.FOLLOWING, _A.ADOPT),
    (_S.BUFFERING, _I.SNAPSHOT_AHEAD): (_S.BRIDGING, _A.HOLD),
    (_S.BUFFERING, _I.REFRESH_DUE): (_S.BUFFERING, _A.IGNORE),
    (_S.BRIDGING, _I.STREAM_DOWN): (_S.DISCONNECTED, _A.SUSPEND),
    (_S.BRIDGING, _I.HANDOVER): (_S.BRIDGING, _A.IGNORE),
    (_S.BRIDGING, _I.DIFF_BEHIND): (_S.BRIDGING, _A.DROP),
    (_S.BRIDGING, _I.DIFF_NEXT): (_S.FOLLOWING, _A.JOIN),
    (_S.BRIDGING, _I.MET): (_S.FOLLOWING, _A.ADOPT),
    (_S.BRIDGING, _I.DIFF_GAP): (_S.BUFFERING, _A.RESYNC),
    (_S.BRIDGING, _I.FAULT): (_S.BUFFERING, _A.RESYNC),
    (_S.BRIDGING, _I.SNAPSHOT_OLD): (_S.BUFFERING, _A.ASK_AGAIN),
    (_S.BRIDGING, _I.REFRESH_DUE): (_S.BRIDGING, _A.IGNORE),
    (_S.FOLLOWING, _I.STREAM_DOWN): (_S.DISCONNECTED, _A.SUSPEND),
    (_S.FOLLOWING, _I.HANDOVER): (_S.FOLLOWING, _A.REJOIN),
    (_S.FOLLOWING, _I.DIFF_STALE): (_S.FOLLOWING, _A.DROP),
    (_S.FOLLOWING, _I.DIFF_BEHIND): (_S.BRIDGING, _A.DOUBT),
    (_S.FOLLOWING, _I.DIFF_NEXT): (_S.FOLLOWING, _A.APPLY),
    (_S.FOLLOWING, _I.DIFF_GAP): (_S.BUFFERING, _A.RESYNC),
    (_S.FOLLOWING, _I.FAULT): (_S.BUFFERING, _A.RESYNC),
    (_S.FOLLOWING, _I.REFRESH_DUE): (_S.REFRESHING, _A.ASK_REFRESH),
    (_S.REFRESHING, _I.STREAM_DOWN): (_S.DISCONNECTED, _A.SUSPEND),
    (_S.REFRESHING, _I.HANDOVER): (_S.REFRESHING, _A.REJOIN_AND_ASK),
    (_S.REFRESHING, _I.DIFF_STALE): (_S.REFRESHING, _A.DROP),
    (_S.REFRESHING, _I.DIFF_BEHIND): (_S.BRIDGING, _A.DOUBT),
    (_S.REFRESHING, _I.DIFF_NEXT): (_S.REFRESHING, _A.APPLY_AND_BUFFER),
    (_S.REFRESHING, _I.DIFF_GAP): (_S.BUFFERING, _A.RESYNC),
    (_S.REFRESHING, _I.FAULT): (_S.BUFFERING, _A.RESYNC),
    (_S.REFRESHING, _I.SNAPSHOT_OLD): (_S.REFRESHING, _A.ASK_AGAIN),
    (_S.REFRESHING, _I.SNAPSHOT_FITS): (_S.FOLLOWING, _A.SWAP),
    (_S.REFRESHING, _I.SNAPSHOT_AHEAD): (_S.ALIGNING, _A.HOLD),
    (_S.REFRESHING, _I.REFRESH_DUE): (_S.REFRESHING, _A.IGNORE),
    (_S.ALIGNING, _I.STREAM_DOWN): (_S.DISCONNECTED, _A.SUSPEND),
    (_S.ALIGNING, _I.HANDOVER): (_S.ALIGNING, _A.REJOIN),
    (_S.ALIGNING, _I.DIFF_STALE): (_S.ALIGNING, _A.DROP),
    (_S.ALIGNING, _I.DIFF_BEHIND): (_S.BRIDGING, _A.DOUBT),
    (_S.ALIGNING, _I.DIFF_NEXT): (_S.ALIGNING, _A.APPLY_TO_BOTH),
    (_S.ALIGNING, _I.DIFF_GAP): (_S.BUFFERING, _A.RESYNC),
    (_S.ALIGNING, _I.FAULT): (_S.BUFFERING, _A.RESYNC),
    (_S.ALIGNING, _I.SNAPSHOT_OLD): (_S.REFRESHING, _A.ASK_AGAIN),
    (_S.ALIGNING, _I.MET): (_S.FOLLOWING, _A.SWAP),
    (_S.ALIGNING, _I.REFRESH_DUE): (_S.ALIGNING, _A.IGNORE),
    (_S.CLOSED, _I.STREAM_UP): (_S.CLOSED, _A.IGNORE),
    (_S.CLOSED, _I.REFRESH_DUE): (_S.CLOSED, _A.IGNORE),
    (_S.CLOSED, _I.CLOSE): (_S.CLOSED, _A.IGNORE),
} | {(state, _I.CLOSE): (_S.CLOSED, _A.CLOSE) for state in SyncState if state is not _S.CLOSED}


def diagram() -> str:
    """Draw the table as a mermaid state diagram; transitions that stay where they are are left out."""
    lines = ["stateDiagram-v2", "    [*] --> disconnected"]
    edges: dict[tuple[str, str], list[str]] = {}
    for (state, cause), (following, _) in TABLE.items():
        if following is not state and cause is not _I.CLOSE:
            edges.setdefault((state.value, following.value), []).append(cause.value)
    lines += [f"    {start} --> {end}: {', '.join(causes)}" for (start, end), causes in edges.items()]
    return "\n".join(lines)
