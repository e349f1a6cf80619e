"""The counters of a book."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """The events of a book since it was made. Each counter only grows.

    Attributes:
        diffs: depth events of the present connections.
        applied: depth events that were applied to the book.
        stale: depth events that the book had already.
        gaps: depth events before which another one was missing.
        faults: frames that were lost or unreadable, crossed books, and streams that were doubted.
        resyncs: rebuilds of a book that was live.
        snapshots: snapshots that arrived.
        snapshots_too_old: snapshots that did not reach the stream.
        snapshots_unwanted: snapshots that came when none was awaited any more.
        snapshots_refused: snapshots that the stream did not meet, that were crossed, or that were empty without reason.
        late: messages of connections that are neither the present one nor its successor, such as ended ones.
        overlapped: depth events of a successor connection before it took over.
        handovers: times that a successor connection took over.
        refreshes: replacements of a live book by a fresh one.
        audits: refreshes in which both books were compared at the same update id.
        audit_differences: levels that differed in these comparisons.
        buffer_overflows: depth events that were dropped from the buffer to make room for later ones.
        lost_frames: frames that had no room in the mailbox.
        drops: times that the book's backlog was dropped, since all books together had too much.
        callback_errors: calls of listeners that raised.
        coalesced: updates without a call of a listener, since a later update was already there.
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
