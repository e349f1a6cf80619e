import threading

import pytest

from depthactors.serve import sender as module
from depthactors.serve.sender import Sender
from tests.support import until


class FakeSession:
    def __init__(self, failure=None):
        self.calls = []
        self.failure = failure

    def send_at_once(self, *, is_alive):
        self.calls.append(is_alive)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def sender():
    sender = Sender()
    sender.start()
    yield sender
    sender.stop()
    assert "depthactors-serve-send" not in [each.name for each in threading.enumerate()]


def test_each_request_is_followed_by_a_call(sender):
    session = FakeSession()
    for count in range(1, 50):
        sender.request(session)
        until(lambda count=count: len(session.calls) >= count)
    assert not any(session.calls)


def test_one_that_fails_keeps_the_others_from_nothing(sender, caplog):
    bad, good = FakeSession(ZeroDivisionError("as planned")), FakeSession()
    sender.request(bad)
    sender.request(good)
    until(lambda: good.calls)
    assert "a client could not be sent its messages" in caplog.text


def test_all_are_told_once_in_a_while_that_the_server_is_there(monkeypatch):
    monkeypatch.setattr(module, "ALIVE", 0.02)
    sender, session, gone = Sender(), FakeSession(), FakeSession()
    sender.add(session)
    sender.add(gone)
    sender.remove(gone)
    sender.start()
    try:
        until(lambda: session.calls.count(True) >= 3)
    finally:
        sender.stop()
    assert gone.calls == []
