"""Names of python-binance that are not here: no to `hasattr`, and words to everybody else."""

import copy

import pytest

import depthactors
from depthactors import BinanceSocketManager, Client
from tests.support import table

ELSEWHERE = [
    ("AsyncClient", r"client = Client\(\)"),
    ("ThreadedWebsocketManager", "from binance import ThreadedWebsocketManager"),
    ("BinanceSocketType", "from binance import BinanceSocketType"),
    ("KLINE_INTERVAL_1MINUTE", "from binance import KLINE_INTERVAL_1MINUTE"),
    ("SIDE_BUY", "from binance import SIDE_BUY"),
    ("BinanceAPIException", "from depthactors.exceptions import BinanceAPIException"),
]


@table("name, words", ELSEWHERE)
def test_a_name_of_theirs_is_no_attribute_and_an_import_says_where_it_is(name, words):
    assert not hasattr(depthactors, name)
    with pytest.raises(AttributeError, match=words):
        getattr(depthactors, name)
    with pytest.raises(ImportError, match=words):
        exec(f"from depthactors import Client, {name}", {})


def test_a_name_of_nobody_is_missing_as_anywhere():
    assert not hasattr(depthactors, "nonsense")
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        exec("from depthactors import nonsense", {})


def test_the_package_has_a_version():
    assert depthactors.__version__.count(".") == 2


@table("name", ["get_order_book", "KLINE_INTERVAL_1MINUTE", "create"])
@table("client", [Client, Client()])
def test_what_only_their_client_has_is_missing_with_the_way_to_it(client, name):
    assert not hasattr(client, name)
    with pytest.raises(AttributeError, match=rf"{name}.*from binance import Client"):
        getattr(client, name)


def test_a_client_that_a_program_closes_says_that_the_line_can_go():
    with pytest.raises(AttributeError, match="no connection to close: delete this line"):
        Client().close_connection()


def test_a_client_can_be_copied():
    assert vars(copy.deepcopy(Client(tld="us"))) == vars(Client(tld="us"))


def test_a_stream_that_is_no_depth_cache_is_missing_in_the_socket_manager_with_the_way_to_it():
    assert not hasattr(BinanceSocketManager(), "trade_socket")
    with pytest.raises(AttributeError, match=r"trade_socket.*from binance import BinanceSocketManager"):
        BinanceSocketManager().trade_socket("BNBBTC")
