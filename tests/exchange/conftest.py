import threading

import pytest
from exchange_support import StreamClient, spot_messages, write_recording

from depthactors.exchange import LocalExchange


@pytest.fixture
def spot_file(tmp_path):
    return write_recording(tmp_path / "btcusdt.gz", spot_messages())


@pytest.fixture
def connect():
    """Open websocket clients that are closed at the end of the test."""
    clients = []

    def open_client(exchange, path):
        client = StreamClient(exchange, path)
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def flow():
    """An exchange with one spot symbol, at a rate at which a test sees a few events."""
    with LocalExchange.with_order_flow(["BTCUSDT"], rate=200.0) as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def no_threads_left():
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("depthactors-exchange")]
    assert left == []
