"""The table holds every transition that can happen; that its actions fit their rows is for the type checker to say."""

from typing import get_args

from depthactors.sync.causes import (
    Cause,
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
from depthactors.sync.phases import (
    Aligning,
    Bridging,
    Buffering,
    Closed,
    Disconnected,
    Followed,
    Following,
    Phase,
    Refreshing,
    SyncState,
)
from depthactors.sync.table import TABLE, diagram
from depthactors.sync.transitions import Transitions

FOLLOWED = set(get_args(Followed))
BASED = FOLLOWED | {Bridging}
CONNECTED = BASED | {Buffering}
WAITING = {Buffering, Refreshing}


def lacking(phases, causes):
    return [(phase.__name__, cause.__name__) for phase in phases for cause in causes if (phase, cause) not in TABLE]


def test_each_phase_has_an_answer_to_whatever_can_happen_in_it():
    assert lacking(CONNECTED, {DiffNext, DiffGap, ConnectionDown, Handover, ChainFault}) == []
    assert lacking(get_args(Phase), {Close, RefreshNeeded}) == []
    assert lacking({Disconnected, Closed}, {ConnectionUp}) == []
    # A book without a base has nothing to be behind of, a base that no diff has met only that.
    assert lacking(BASED, {DiffBehind, DiffConfirms}) == []
    assert lacking(CONNECTED - {Bridging}, {DiffStale}) == []
    assert lacking(WAITING, {SnapshotOld, SnapshotFits, SnapshotAhead, SnapshotCrossed}) == []
    assert lacking({Bridging, Aligning}, {SnapshotOld}) == []
    assert lacking({Aligning}, {Met}) == []
    assert lacking(FOLLOWED, {Changed}) == []


def test_each_kind_of_phase_and_of_cause_is_in_it():
    assert {phase for phase, _ in TABLE} == set(get_args(Phase))
    assert {cause for _, cause in TABLE} == set(get_args(Cause))
    assert {phase.state for phase, _ in TABLE} == set(SyncState)


def test_a_handover_leaves_a_followed_book_followed():
    assert {phase: TABLE[phase, Handover].after for phase in FOLLOWED} == {phase: phase for phase in FOLLOWED}


def test_a_gap_and_a_fault_always_end_in_buffering():
    assert {TABLE[phase, cause].after for phase in CONNECTED for cause in (DiffGap, ChainFault)} == {Buffering}
    assert {TABLE[phase, DiffGap].action for phase in CONNECTED} == {Transitions.resync_after_gap}


def test_a_lost_stream_disconnects():
    assert {TABLE[phase, ConnectionDown].after for phase in CONNECTED} == {Disconnected}


def test_only_a_meeting_of_stream_and_snapshot_leads_to_following():
    ways = {key for key, row in TABLE.items() if row.after is Following is not key[0]}
    assert ways == {
        (Buffering, SnapshotFits),
        (Refreshing, SnapshotFits),
        (Aligning, Met),
        (Bridging, DiffNext),
        (Bridging, DiffConfirms),
    }


def test_nothing_leads_out_of_closed():
    assert {row.after for (phase, _), row in TABLE.items() if phase is Closed} == {Closed}


def test_the_diagram_shows_each_change_of_state():
    drawn = diagram()
    for (phase, cause), (after, _) in TABLE.items():
        if after is not phase and cause is not Close:
            (line,) = [each for each in drawn.splitlines() if f"{phase.state.value} --> {after.state.value}:" in each]
            assert cause.title in line
