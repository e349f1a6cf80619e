"""The table holds every transition that can happen, and the machine has an action for each."""

import pytest

from depthactors.sync.table import TABLE, Action, Input, SyncState, diagram
from depthactors.sync.transitions import Transitions

FOLLOWED = {SyncState.FOLLOWING, SyncState.REFRESHING, SyncState.ALIGNING}
BASED = FOLLOWED | {SyncState.BRIDGING}
CONNECTED = BASED | {SyncState.BUFFERING}


@pytest.mark.parametrize("state", [state for state in SyncState if state in CONNECTED], ids=lambda state: state.value)
def test_a_connected_book_has_an_answer_to_whatever_a_stream_brings(state):
    causes = {Input.DIFF_NEXT, Input.DIFF_GAP, Input.STREAM_DOWN, Input.HANDOVER}
    # A book without a base has nothing to be behind of, one that is not confirmed only that.
    causes |= {Input.DIFF_BEHIND} if state in BASED else set()
    causes |= {Input.DIFF_STALE} if state is not SyncState.BRIDGING else set()
    for cause in causes | {Input.FAULT, Input.REFRESH_DUE, Input.CLOSE}:
        assert (state, cause) in TABLE


@pytest.mark.parametrize("state", [state for state in SyncState if state in FOLLOWED], ids=lambda state: state.value)
def test_a_handover_leaves_a_followed_book_followed(state):
    assert TABLE[state, Input.HANDOVER][0] is state


@pytest.mark.parametrize("state", [state for state in SyncState if state in BASED], ids=lambda state: state.value)
def test_a_gap_and_a_fault_always_end_in_buffering(state):
    for cause in (Input.DIFF_GAP, Input.FAULT):
        assert TABLE[state, cause] == (SyncState.BUFFERING, Action.RESYNC)


@pytest.mark.parametrize("state", [state for state in SyncState if state in CONNECTED], ids=lambda state: state.value)
def test_a_lost_stream_disconnects(state):
    assert TABLE[state, Input.STREAM_DOWN] == (SyncState.DISCONNECTED, Action.SUSPEND)


def test_only_a_meeting_of_stream_and_snapshot_leads_to_following():
    ways = {(state, cause) for (state, cause), (after, _) in TABLE.items() if after is SyncState.FOLLOWING is not state}
    fits = {(state, Input.SNAPSHOT_FITS) for state in (SyncState.BUFFERING, SyncState.REFRESHING)}
    met = {(state, Input.MET) for state in (SyncState.ALIGNING, SyncState.BRIDGING)}
    assert ways == fits | met | {(SyncState.BRIDGING, Input.DIFF_NEXT)}


def test_nothing_leads_out_of_closed():
    assert {after for (state, _), (after, _) in TABLE.items() if state is SyncState.CLOSED} == {SyncState.CLOSED}


def test_every_action_is_implemented_and_used():
    assert set(Transitions._ACTIONS) == set(Action) == {action for _, action in TABLE.values()}


def test_the_diagram_shows_each_change_of_state():
    drawn = diagram()
    for (state, cause), (after, _) in TABLE.items():
        if after is not state and cause is not Input.CLOSE:
            assert f"{state.value} --> {after.value}" in drawn
            assert cause.value in drawn
