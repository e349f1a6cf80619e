"""The machine of an engine: threads and sockets, unless a simulation takes their place."""

from depthactors.dispatcher.pooled import PooledDispatcher
from depthactors.engine.machine import THIS_MACHINE
from depthactors.net.network import SocketNetwork
from depthactors.net.settings import NetworkSettings


def test_this_machine_has_threads_and_sockets_and_starts_none_unasked():
    dispatcher, network = THIS_MACHINE.new_dispatcher(), THIS_MACHINE.new_network(NetworkSettings())
    assert (type(dispatcher), type(network)) == (PooledDispatcher, SocketNetwork)
    assert dispatcher.threads == ()
