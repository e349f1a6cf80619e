from contextlib import ExitStack

import pytest

from depthactors.exchange import LocalExchange
from depthactors.exchange.server import server, session
from tests.exchange.exchange_support import StreamClient, live, spot_messages, write_recording


@pytest.fixture(autouse=True)
def _short_goodbyes(monkeypatch):
    """Most clients here do not reply to a close frame; the exchange would wait for each."""
    for module in (server, session):
        monkeypatch.setattr(module, "CLOSING_PATIENCE", 0.05)


@pytest.fixture
def spot_file(tmp_path):
    return write_recording(tmp_path / "btcusdt.gz", spot_messages())


@pytest.fixture
def serve():
    """Start exchanges that are stopped at the end of the test."""
    with ExitStack() as stack:
        yield stack.enter_context


@pytest.fixture
def connect(serve):
    """Open websocket clients that are closed at the end of the test, before the exchanges of `serve` stop."""
    clients = []

    def open_client(exchange, path, **options):
        client = StreamClient(exchange, path, **options)
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def flow():
    """An exchange with one spot symbol, at a rate at which a test sees a few events."""
    with LocalExchange.with_order_flow(["BTCUSDT"], rate=200.0, levels=6.0, depth=60) as exchange:
        yield exchange


@pytest.fixture
def spot():
    """An exchange with one spot symbol that takes any number of messages."""
    with live() as exchange:
        yield exchange


@pytest.fixture
def usdm():
    """An exchange with one symbol of USD-M futures that takes any number of messages."""
    with live("usdm") as exchange:
        yield exchange
