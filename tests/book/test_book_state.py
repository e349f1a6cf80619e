from depthactors.book import BookState


def test_a_stopped_or_failed_book_is_over_and_no_other():
    assert {state for state in BookState if state.over} == {BookState.STOPPED, BookState.FAILED}


def test_a_state_is_its_name():
    assert [str(state) for state in BookState] == ["SYNCING", "LIVE", "STALE", "STOPPED", "FAILED"]
