"""Keeping one book in step with its stream: the sequencing rules, the table of transitions, and the synchronizer."""

from depthactors.sync.counters import Counters
from depthactors.sync.effects import (
    Ahead,
    Audited,
    Effect,
    Priority,
    Publish,
    Refused,
    RequestSnapshot,
    Resync,
    Silent,
    StateChanged,
)
from depthactors.sync.machine import Synchronizer
from depthactors.sync.sequencing import Verdict

__all__ = [
    "Ahead",
    "Audited",
    "Counters",
    "Effect",
    "Priority",
    "Publish",
    "Refused",
    "RequestSnapshot",
    "Resync",
    "Silent",
    "StateChanged",
    "Synchronizer",
    "Verdict",
]
