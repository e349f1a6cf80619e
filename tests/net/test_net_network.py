"""The network of this machine: threads that are not started, and one allowance a pool."""

from depthactors import markets
from depthactors.net.fetcher import FetchingThread
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings
from depthactors.net.stream import StreamConnection


def nothing(*_arguments):
    pass


def test_it_makes_threads_with_the_names_given_and_starts_none():
    network = SocketNetwork(NetworkSettings())
    stream = network.stream("ws://127.0.0.1:1", on_open=nothing, on_frames=nothing, on_close=nothing, name="reader")
    fetcher = network.fetcher("rest", nothing)
    assert (type(stream), type(fetcher)) == (StreamConnection, FetchingThread)
    assert [each.thread.name for each in (stream, fetcher)] == ["reader", "rest"]
    assert not stream.thread.is_alive()
    assert not fetcher.thread.is_alive()


def test_all_networks_of_a_process_spend_from_one_allowance_a_pool():
    spot = SocketNetwork(NetworkSettings()).allowance(markets.SPOT)
    assert SocketNetwork(NetworkSettings()).allowance(markets.SPOT) is spot
    assert SocketNetwork(NetworkSettings()).allowance(markets.USDM) is not spot
