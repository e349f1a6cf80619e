"""The durations of the actors: all positive and finite, and the fast ones are no longer than the usual ones."""

from dataclasses import fields
from math import inf

from depthactors.pacing import USUAL, Backoff, Timing

NAMES = [field.name for field in fields(Timing)]


def longest(value):
    return value.cap if isinstance(value, Backoff) else value


def test_each_duration_is_positive_and_finite():
    assert [name for name in NAMES if not 0 < longest(getattr(USUAL, name)) < inf] == []


def test_the_fast_timing_is_nowhere_longer_and_keeps_the_deadlines():
    fast = Timing.fast()
    assert [name for name in NAMES if longest(getattr(fast, name)) > longest(getattr(USUAL, name))] == []
    kept = (
        "opening_deadline",
        "answer_deadline",
        "snapshot_patience",
        "snapshot_deadline",
        "late",
        "lag_limit",
        "stuck",
    )
    assert [name for name in kept if getattr(fast, name) != getattr(USUAL, name)] == []
