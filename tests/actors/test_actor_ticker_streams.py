"""The bookTicker streams of recorded books: opened, given back, moved and replaced."""

import pytest
from pykka import ActorRegistry

from depthactors import markets
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.socket_messages import Subscribe, Unsubscribe
from depthactors.actors.sockets import Sockets
from depthactors.actors.supervision import RESTARTS
from depthactors.actors.ticker import TickerActor
from depthactors.actors.ticker_streams import TickerStreams
from depthactors.errors import StreamError
from depthactors.pacing import USUAL
from tests.actors.actor_support import join, spec

BTC, ETH = "btcusdt@bookTicker", "ethusdt@bookTicker"
CUT = StreamError("cut")


class Noted(list):
    """Stands for the recorder of a book."""

    def interrupted(self, reason):
        self.append(reason)


class Scene:
    def __init__(self, actors):
        self.actors, self.carriers, self.fails = actors, {}, False
        self.streams = TickerStreams(Sockets(self._start_socket, "tickers"), actors.probe("supervisor")[0])

    def _start_socket(self, name, _market, **_):
        if self.fails:
            msg = "no actor"
            raise RuntimeError(msg)
        ref, record = self.actors.probe(name)
        self.carriers.setdefault(name, []).append((ref, record))
        return ref

    def cell(self, symbol="BTCUSDT"):
        cell = LocalCell(spec(symbol=symbol), USUAL, self.actors.dispatcher)
        cell.recorder = Noted()
        return cell

    def open(self, *symbols):
        cells = [self.cell(symbol) for symbol in symbols]
        for cell in cells:
            self.streams.open(cell)
        return cells

    def told(self, name, kind, count=1):
        """Return the streams of the first messages of a kind that the present socket actor of this name was sent."""
        return [each.stream for each in self.carriers[name][-1][1].wait(kind, count)]

    def child(self, name):
        return next(child for child in self.streams.children() if child.name == name)

    def kill(self, name):
        """End a child, and have it replaced."""
        child = self.child(name)
        child.supervised.ref.stop(block=False)
        join(child.supervised.ref)
        child.replace(CUT)


@pytest.fixture
def scene(actors):
    scene = Scene(actors)
    yield scene
    for child in scene.streams.children():
        child.supervised.ref.stop(block=False)


def test_each_book_has_a_stream_until_it_is_closed(scene):
    btc, eth = scene.open("BTCUSDT", "ETHUSDT")
    assert scene.told("tickers-spot-1", Subscribe, 2) == [BTC, ETH]
    assert [child.name for child in scene.streams.children()] == ["tickers-spot-1", "ticker-BTCUSDT", "ticker-ETHUSDT"]
    ref = scene.child("ticker-BTCUSDT").supervised.ref
    scene.streams.close(btc)
    scene.streams.close(btc)
    join(ref)
    assert scene.told("tickers-spot-1", Unsubscribe) == [BTC]
    scene.streams.close(eth)
    assert [child.name for child in scene.streams.children()] == ["tickers-spot-1"]
    assert len(scene.streams.refs) == 1


def test_a_book_that_is_followed_anew_is_not_closed_by_its_former_self(scene):
    (former,) = scene.open("BTCUSDT")
    scene.open("BTCUSDT")
    scene.streams.close(former)
    assert [child.name for child in scene.streams.children()] == ["tickers-spot-1", "ticker-BTCUSDT"]
    assert scene.told("tickers-spot-1", Subscribe, 2) == [BTC, BTC]


def test_a_socket_that_dies_is_replaced_with_its_streams(scene):
    scene.open("BTCUSDT", "ETHUSDT")
    scene.kill("tickers-spot-1")
    assert scene.told("tickers-spot-1", Subscribe, 2) == [BTC, ETH]


def test_an_actor_that_dies_is_replaced_and_gets_the_stream(scene):
    (cell,) = scene.open("BTCUSDT")
    scene.kill("ticker-BTCUSDT")
    assert scene.told("tickers-spot-1", Subscribe, 2) == [BTC, BTC]
    for _ in range(RESTARTS):
        scene.kill("ticker-BTCUSDT")
    assert (cell.recorder, [child.name for child in scene.streams.children()]) == (
        ["bookTicker: given up: cut"],
        ["tickers-spot-1"],
    )


def test_what_a_full_connection_refuses_is_carried_by_another(scene):
    scene.open("BTCUSDT", "ETHUSDT")
    scene.streams.refused("tickers-spot-1", (ETH, "unknown@bookTicker"), is_full=True)
    assert scene.told("tickers-spot-1", Unsubscribe) == [ETH]
    assert scene.told("tickers-spot-2", Subscribe) == [ETH]
    assert (scene.streams.has("tickers-spot-2"), scene.streams.has("socket-spot-1")) == (True, False)


def test_a_stream_that_is_refused_alone_gets_a_connection_of_its_own(scene):
    scene.open("BTCUSDT", "ETHUSDT")
    scene.streams.refused("tickers-spot-1", (BTC,), is_full=False)
    assert scene.told("tickers-spot-2", Subscribe) == [BTC]


@pytest.mark.parametrize("is_full", [True, False])
def test_a_refused_stream_stays_where_it_is_if_no_other_connection_can_be_started(scene, is_full):
    scene.open("BTCUSDT", "ETHUSDT")
    scene.fails = True
    assert scene.streams.refused("tickers-spot-1", (ETH,), is_full=is_full) == (ETH,)
    scene.fails = False
    assert scene.streams.refused("tickers-spot-1", (ETH,), is_full=is_full) == ()
    assert scene.told("tickers-spot-1", Unsubscribe) == [ETH], "given back once, when it is moved"
    assert len(scene.streams.refs) == 2


def test_a_stream_that_no_connection_can_be_started_for_leaves_no_actor_behind(scene):
    scene.fails = True
    with pytest.raises(RuntimeError, match="no actor"):
        scene.open("BTCUSDT")
    assert (list(scene.streams.children()), ActorRegistry.get_by_class(TickerActor)) == ([], [])


def test_a_connection_that_is_given_up_is_noted_in_each_recording(scene):
    cells = scene.open("BTCUSDT", "ETHUSDT")
    scene.streams.give_up("socket-spot-1", CUT)
    scene.streams.give_up("tickers-spot-1", CUT)
    assert [cell.recorder for cell in cells] == [["bookTicker: given up: cut"]] * 2
    assert list(scene.streams.children()) == []


def test_the_name_of_the_stream_is_the_exchanges():
    assert markets.SPOT.book_ticker_stream("BTCUSDT") == BTC
