"""The connections of a socket actor: which is the present one, which its successor, and which are leaving."""

import socket
from contextlib import closing
from itertools import count
from types import SimpleNamespace

import pytest

from depthactors import markets
from depthactors.actors.connection import SocketContext
from depthactors.actors.connections import Connections
from depthactors.actors.receivers import Receivers
from depthactors.actors.refusals import Refusals
from depthactors.actors.socket_messages import ConnectionEnded, LeavingOverdue
from depthactors.errors import StreamError
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.pacing import USUAL
from tests.actors.actor_support import FakeMailbox
from tests.support import until

REASON = StreamError("enough")


@pytest.fixture
def scene(actors):
    """Connections to an address that answers nothing, and what their owner is sent."""
    owner, told = actors.probe()
    mailbox = FakeMailbox()
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        context = SocketContext(
            name="socket-1",
            owner=owner,
            mailbox=mailbox,
            market=markets.SPOT.at(f"http://127.0.0.1:{mute.getsockname()[1]}"),
            network=SocketNetwork(NetworkSettings()),
            settings=NetworkSettings(),
            epochs=count(1),
            request_ids=count(1),
            receivers=Receivers(),
            refusals=Refusals(USUAL.refusal_backoff),
        )
        connections = Connections(context)
        yield SimpleNamespace(connections=connections, told=told, mailbox=mailbox)
        for connection in connections:
            connection.abort()
        until(lambda: not any(thread.is_alive() for thread in mailbox.helpers))


def test_a_successor_becomes_the_present_connection_and_its_predecessor_leaves(scene):
    connections = scene.connections
    assert (connections.present, connections.serving, list(connections)) == (None, (), [])
    connections.open(notify_failure=True)
    first = connections.present
    connections.open_successor(first)
    second = connections.successor
    assert (first.epoch, first.predecessor, second.epoch, second.predecessor) == (1, None, 2, 1)
    assert (connections.serving, connections.opened, connections.last_epoch) == ((first, second), 2, 2)
    assert (connections.find(1), connections.find(2), connections.find(3)) == (first, second, None)
    connections.promote(second)
    connections.leave(first, REASON)
    assert (connections.serving, list(connections), connections.find(1)) == ((second,), [second, first], None)
    assert scene.told.wait_one(ConnectionEnded) == ConnectionEnded(1, REASON), (
        "it was not open, so it need not say goodbye"
    )
    assert (connections.has_left(1), connections.has_left(1), list(connections)) == (True, False, [second])


@pytest.fixture
def leaving(scene):
    """A connection that was handed over, and that its peer does not end."""
    scene.connections.open(notify_failure=True)
    leaving = scene.connections.present
    leaving.is_open = True
    scene.connections.present = None
    scene.connections.leave(leaving, REASON)
    return leaving


def looks_to_come(scene):
    return [message for message, _ in scene.mailbox.timers_of(LeavingOverdue)]


def test_a_connection_that_the_peer_does_not_end_is_aborted(scene, leaving):
    assert looks_to_come(scene) == [LeavingOverdue(1)]
    assert leaving.is_read
    scene.connections.check_leaving(7)
    scene.connections.check_leaving(1)
    assert scene.told.wait_one(ConnectionEnded) == ConnectionEnded(1, REASON)


def test_a_leaving_connection_that_is_behind_is_not_aborted_while_it_brings_something(scene, leaving):
    now = scene.mailbox.time
    leaving._stream.read_at = now
    scene.connections.check_leaving(1)
    assert leaving.is_read
    assert looks_to_come(scene) == [LeavingOverdue(1)] * 2
    scene.mailbox.time += 100 * USUAL.leaving
    leaving._stream.read_at = scene.mailbox.time
    scene.connections.check_leaving(1)
    assert scene.told.wait_one(ConnectionEnded) == ConnectionEnded(1, REASON), "its peer sends on and on"
