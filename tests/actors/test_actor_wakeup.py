from depthactors.actors.wakeup import Wakeup


def test_updates_and_events_open_the_gate_until_it_is_shut():
    wakeup = Wakeup()
    assert not wakeup.gate.is_set()
    for function in (wakeup.update, wakeup.event):
        function(object())
        assert wakeup.gate.is_set()
        wakeup.gate.clear()
        assert not wakeup.gate.is_set()


def test_the_book_waits_for_nothing():
    assert not Wakeup().in_turn
