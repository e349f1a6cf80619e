"""What a synchronizer counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What happened to a book since it was made; each only grows.

    Attributes:
        diffs: depth events of the connection that is listened to.
        applied: those that changed the book.
        stale: those that it had already.
        gaps: those before which something was missing.
        faults: frames that were lost or unreadable, crossed books, streams that were doubted.
        resyncs: how often a book that was live was made anew.
        snapshots: snapshots that arrived.
        snapshots_too_old: of them, those that did not reach the stream.
        snapshots_unwanted: of them, those that nothing waited for any more.
        snapshots_refused: of them, those that the stream went past without meeting them.
        late: what connections brought that are over.
        overlapped: depth events that a successor connection brought before it took over.
        handovers: how often a successor took over.
        refreshes: live books that were replaced by a fresh one.
        audits: of them, those that were compared with the fresh one at the same update id.
        audit_differences: levels that differed in these comparisons.
        buffer_overflows: depth events that made room for later ones while a snapshot was awaited.
        lost_frames: frames that found no room in the mailbox.
        drops: times that all that waited for the book was dropped, since all books together had too much.
        callback_errors: calls of listeners that raised.
        coalesced: updates that listeners were not called for, since a later one was already there.
    """

    diffs: int = 0
    applied: int = 0
    stale: int = 0
    gaps: int = 0
    faults: int = 0
    resyncs: int = 0
    snapshots: int = 0
    snapshots_too_old: int = 0
    snapshots_unwanted: int = 0
    snapshots_refused: int = 0
    late: int = 0
    overlapped: int = 0
    handovers: int = 0
    refreshes: int = 0
    audits: int = 0
    audit_differences: int = 0
    buffer_overflows: int = 0
    lost_frames: int = 0
    drops: int = 0
    callback_errors: int = 0
    coalesced: int = 0
