"""The receivers of streams: a mapping that a reader has found does not change under it."""

from depthactors.actors.receivers import Receivers


def test_each_change_makes_a_new_mapping():
    receivers = Receivers()
    receivers.put(b"a", "first")
    before = receivers.now
    receivers.put(b"a", "second")
    receivers.put(b"b", "third")
    assert (before, receivers.now) == ({b"a": "first"}, {b"a": "second", b"b": "third"})
    found = receivers.now
    assert (receivers.pop(b"a"), receivers.pop(b"a")) == ("second", None)
    assert (found, receivers.now) == ({b"a": "second", b"b": "third"}, {b"b": "third"})
