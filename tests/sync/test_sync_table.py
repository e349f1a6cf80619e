"""The table holds every transition that can happen, and the machine has an action for each."""

import pytest

from depthactors.sync.table import TABLE, Action, Input, SyncState, diagram
from depthactors.sync.transitions import Transitions

DIFFS = {Input.DIFF_STALE, Input.DIFF_NEXT, Input.DIFF_GAP}
FOLLOWED = {SyncState.FOLLOWING, SyncState.REFRESHING, SyncState.ALIGNING}
CONNECTED = FOLLOWED | {SyncState.BUFFERING}


@pytest.mark.parametrize("state", CONNECTED, ids=lambda state: state.value)
def test_a_connected_book_has_an_answer_to_whatever_a_stream_brings(state):
    for cause in DIFFS | {Input.STREAM_UP, Input.STREAM_DOWN, Input.FAULT, Input.REFRESH_DUE, Input.CLOSE}:
        assert (state, cause) in TABLE


@pytest.mark.parametrize("state", FOLLOWED, ids=lambda state: state.value)
def test_a_gap_and_a_fault_always_end_in_buffering(state):
    for cause in (Input.DIFF_GAP, Input.FAULT):
        assert TABLE[state, cause] == (SyncState.BUFFERING, Action.RESYNC)


@pytest.mark.parametrize("state", CONNECTED, ids=lambda state: state.value)
def test_a_lost_stream_disconnects(state):
    assert TABLE[state, Input.STREAM_DOWN] == (SyncState.DISCONNECTED, Action.SUSPEND)


def test_only_a_fitting_snapshot_or_a_meeting_leads_to_following():
    causes = {cause for (state, cause), (after, _) in TABLE.items() if after is SyncState.FOLLOWING is not state}
    assert causes == {Input.SNAPSHOT_FITS, Input.MET}


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
