"""A supervisor's sockets: each stream goes where there is room, and a new socket begins with a fresh account."""

import pytest

from depthactors import markets
from depthactors.actors.sockets import Sockets

SPOT, USDM = markets.SPOT, markets.USDM


class Scene:
    """Sockets whose actors are only counted."""

    def __init__(self, **options):
        self.started, self.fails = [], False
        self.sockets = Sockets(self.start, **options)

    def start(self, name, market, *, place, restarts):
        if self.fails:
            msg = "no actor"
            raise RuntimeError(msg)
        self.started.append((name, market, place, restarts))
        return object()

    def fill(self, market, count, **options):
        """Give each of so many streams a socket; returns the sockets' names."""
        names = []
        for _ in range(count):
            socket = self.sockets.with_room(market, **options)
            socket.streams[f"{socket.name}-{len(socket.streams)}"] = None
            names.append(socket.name)
        return names


@pytest.fixture
def scene():
    return Scene()


def test_streams_of_a_market_share_a_socket_up_to_the_limit(scene):
    scene.sockets.limit_streams(SPOT, 2)
    assert scene.fill(SPOT, 3) == ["socket-spot-1", "socket-spot-1", "socket-spot-2"]
    assert scene.fill(USDM, 1) == [f"socket-{USDM.name}-3"]
    assert scene.started == [
        ("socket-spot-1", SPOT, 0, 0),
        ("socket-spot-2", SPOT, 1, 0),
        (f"socket-{USDM.name}-3", USDM, 2, 0),
    ]


def test_a_stream_that_is_to_be_alone_takes_a_socket_without_any(scene):
    first = scene.fill(SPOT, 1)[0]
    second = scene.sockets.with_room(SPOT, alone=True)
    assert second.name != first
    assert scene.sockets.with_room(SPOT, alone=True) is second, "it has no stream yet"
    second.streams["btcusdt@depth"] = None
    assert scene.sockets.with_room(SPOT, alone=True).name not in {first, second.name}


def test_a_limit_only_falls(scene):
    scene.sockets.limit_streams(SPOT, 1)
    scene.sockets.limit_streams(SPOT, 5)
    assert len(set(scene.fill(SPOT, 3))) == 3


def test_a_place_is_given_once_where_several_share_the_numbers():
    places = iter([4, 9])
    assert Scene(kind="tickers", places=places).fill(SPOT, 1) == ["tickers-spot-5"]
    assert Scene(places=places).fill(SPOT, 1) == ["socket-spot-10"]


def test_a_successor_has_the_name_the_place_and_the_restarts_so_far(scene):
    scene.fill(SPOT, 1)
    socket = scene.sockets["socket-spot-1"]
    socket.child.restarts = 3
    assert scene.sockets.start_successor(socket)
    assert scene.started[-1] == ("socket-spot-1", SPOT, 0, 3)
    scene.fails = True
    assert not scene.sockets.start_successor(socket)


def test_a_socket_that_cannot_be_started_leaves_nothing(scene):
    scene.fails = True
    with pytest.raises(RuntimeError, match="no actor"):
        scene.sockets.with_room(SPOT)
    assert list(scene.sockets) == []


def test_a_stream_that_is_moved_takes_no_room_where_it_is(scene):
    name = scene.fill(SPOT, 1)[0]
    (stream,) = scene.sockets[name].streams
    assert scene.sockets.to_move(stream, SPOT, alone=True).name == name
    assert scene.sockets.to_move("another", SPOT, alone=True).name != name


def test_a_stream_that_no_other_socket_can_be_started_for_stays_and_is_moved_another_time(scene):
    name = scene.fill(SPOT, 2)[0]
    stream, _ = streams = list(scene.sockets[name].streams)
    scene.fails = True
    assert scene.sockets.to_move(stream, SPOT, alone=True) is None
    assert [(each.name, list(each.streams)) for each in scene.sockets] == [(name, streams)]
    scene.fails = False
    assert scene.sockets.to_move(stream, SPOT, alone=True).name != name


def test_a_socket_that_was_given_up_is_gone(scene):
    scene.fill(SPOT, 1)
    socket = scene.sockets.pop("socket-spot-1")
    assert socket.name == "socket-spot-1"
    assert (scene.sockets.get("socket-spot-1"), scene.sockets.pop("socket-spot-1")) == (None, None)
    with pytest.raises(KeyError):
        scene.sockets["socket-spot-1"]
