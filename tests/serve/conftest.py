import pytest

from depthactors import DepthEngine
from depthactors.exchange import LocalExchange
from depthactors.markets import SPOT
from depthactors.serve import BookServer


@pytest.fixture
def exchange():
    with LocalExchange.with_order_flow(["BTCUSDT", "ETHUSDT"], seed=21) as exchange:
        yield exchange


@pytest.fixture
def engine(exchange):
    with DepthEngine(SPOT.at(exchange.url)) as engine:
        engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20)
        engine.wait_live(10)
        yield engine


@pytest.fixture
def server(engine):
    with BookServer(engine) as server:
        yield server
