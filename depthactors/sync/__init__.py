"""Keeping one book in step with its stream: the sequencing rules, the table of transitions, and the synchronizer.

| word      | meaning                                                                                      |
|-----------|----------------------------------------------------------------------------------------------|
| epoch     | the number of a connection; later connections have larger numbers                            |
| base      | a book as it was made from a snapshot, to which diffs are applied                            |
| candidate | a base, or the book made from it, that is not in use yet                                     |
| meet      | a diff ends at the base's id, or is the first one to be applied to it: they belong together |
| joined    | a diff of the present connection was applied                                                 |
| confirmed | the stream has met the base                                                                  |
| doubted   | in sequence, but not believed, so not `LIVE`                                                 |
"""

from depthactors.sync.counters import Counters
from depthactors.sync.doubts import NEVER_SHOWN, Former
from depthactors.sync.effects import (
    Ahead,
    Audited,
    Effect,
    Priority,
    Publish,
    RequestSnapshot,
    Resync,
    Silent,
    SnapshotRefused,
    StateChanged,
)
from depthactors.sync.machine import Synchronizer
from depthactors.sync.sequencing import Verdict

__all__ = [
    "NEVER_SHOWN",
    "Ahead",
    "Audited",
    "Counters",
    "Effect",
    "Former",
    "Priority",
    "Publish",
    "RequestSnapshot",
    "Resync",
    "Silent",
    "SnapshotRefused",
    "StateChanged",
    "Synchronizer",
    "Verdict",
]
