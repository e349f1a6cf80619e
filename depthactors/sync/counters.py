"""What a synchronizer counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What happened to a book since it was made; each only grows."""

    diffs: int = 0
    applied: int = 0
    stale: int = 0
    gaps: int = 0
    faults: int = 0
    resyncs: int = 0
    snapshots: int = 0
    snapshots_too_old: int = 0
    snapshots_unwanted: int = 0
    late: int = 0
    refreshes: int = 0
    audits: int = 0
    audit_differences: int = 0
