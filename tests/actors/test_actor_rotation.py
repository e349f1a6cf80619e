"""Rotation: when a successor is opened, when it takes over, and what happens if it cannot. No timer is awaited."""

from itertools import count

import pytest

from depthactors import markets
from depthactors.actors.connection import SocketContext
from depthactors.actors.rotation import Rotation
from depthactors.actors.socket_messages import OverlapOver, Rotate
from depthactors.errors import StreamError
from depthactors.net.allowance import Allowance
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import Backoff
from tests.actors.actor_support import FakeMailbox

LIFE = 1000.0
NOW = FakeMailbox().time


class FakeConnection:
    def __init__(self, epoch, *, serves_all=True):
        self.epoch, self.serves_all, self.opened_at, self.aborted = epoch, serves_all, NOW, None

    def abort(self, reason=None):
        self.aborted = reason


class FakeConnections:
    """A present connection; it notes the successors that are opened and the connections that leave."""

    def __init__(self):
        self.present, self.successor, self.last_epoch, self.left = FakeConnection(1), None, 1, []

    def open_successor(self, present):
        assert present is self.present
        self.last_epoch += 1
        self.successor = FakeConnection(self.last_epoch)

    def promote(self, successor):
        self.present, self.successor = successor, None

    def leave(self, connection, _reason):
        self.left.append(connection.epoch)


class Scene:
    def __init__(self, attempts=300, **settings):
        self.mailbox, self.connections = FakeMailbox(), FakeConnections()
        settings = {"rotate_after": LIFE, "backoff": Backoff(first=10.0, factor=2.0, cap=100.0)} | settings
        context = SocketContext(
            name="socket-1",
            owner=None,
            mailbox=self.mailbox,
            market=markets.SPOT,
            network=SocketNetwork(NetworkSettings(**settings)),
            settings=NetworkSettings(**settings),
            epochs=count(1),
            request_ids=count(1),
            receivers=None,
            refusals=None,
        )
        self.rotation = Rotation(context, self.connections, Allowance(6000, attempts), place=0)

    def timers(self, kind):
        """Return `(message, seconds until then)` of the timers of a kind, in the order in which they were set."""
        return self.mailbox.timers_of(kind)


@pytest.fixture
def scene():
    return Scene()


def test_a_connection_is_rotated_at_its_age_and_never_where_that_is_wanted(scene):
    scene.connections.present.opened_at -= 600.0
    scene.rotation.set_timer(scene.connections.present)
    ((message, wait),) = scene.timers(Rotate)
    assert (message, wait) == (Rotate(1), 400.0)
    never = Scene(rotate_after=None)
    never.rotation.set_timer(never.connections.present)
    assert never.timers(Rotate) == []


def test_a_successor_that_serves_all_takes_over_after_the_overlap(scene):
    scene.rotation.rotate(1)
    scene.rotation.rotate(1)
    assert scene.connections.last_epoch == 2, "one at a time"
    scene.rotation.consider_overlap()
    ((message, wait),) = scene.timers(OverlapOver)
    assert (message, wait > 1.0) == (OverlapOver(2), True), "longer than the slowest stream's interval"
    scene.rotation.hand_over(2)
    assert (scene.connections.present.epoch, scene.connections.left, scene.rotation.count) == (2, [1], 1)
    assert [message for message, _ in scene.timers(Rotate)] == [Rotate(2)]


def test_a_successor_that_lost_a_stream_meanwhile_does_not_take_over(scene):
    scene.rotation.rotate(1)
    scene.connections.successor.serves_all = False
    scene.rotation.consider_overlap()
    scene.rotation.hand_over(2)
    assert (scene.timers(OverlapOver), scene.connections.left, scene.rotation.count) == ([], [], 0)


@pytest.mark.parametrize("epoch", [0, 2])
def test_another_connection_than_the_present_one_is_not_rotated(scene, epoch):
    scene.rotation.rotate(epoch)
    assert scene.connections.successor is None


def test_the_waits_for_another_successor_grow_and_begin_anew_once_one_has_taken_over(scene):
    for _ in range(3):
        scene.rotation.rotate(1)
        scene.rotation.successor_ended(StreamError("no"))
        assert scene.connections.successor is None
    waits = [wait for _, wait in scene.timers(Rotate)]
    assert 4.0 < waits[0] <= 10.0 < waits[2] <= 40.0
    scene.rotation.rotate(1)
    scene.rotation.hand_over(scene.connections.last_epoch)
    scene.rotation.successor_ended(StreamError("no"))
    assert scene.timers(Rotate)[-1][1] <= 10.0


def test_a_successor_waits_for_an_attempt_to_connect_to_be_allowed():
    scene = Scene(attempts=1)
    scene.rotation.rotate(1)
    scene.rotation.hand_over(2)
    scene.rotation.rotate(2)
    assert scene.connections.successor is None
    assert scene.timers(Rotate)[-1][1] > 250.0


def test_an_announced_shutdown_rotates_at_once_and_ends_a_successor_that_it_concerns(scene):
    scene.rotation.shutdown_announced(scene.connections.present)
    assert scene.connections.successor.epoch == 2
    scene.rotation.shutdown_announced(scene.connections.successor)
    assert "shut down" in str(scene.connections.successor.aborted)
