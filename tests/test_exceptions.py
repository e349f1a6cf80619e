"""The exception names of python-binance: what they are, and who catches them."""

import inspect

import pytest

from depthactors import exceptions
from depthactors.errors import DepthActorsError, ExchangeError, LifecycleError, SnapshotError, StreamError

BASES = [
    ("BinanceWebsocketClosed", StreamError),
    ("BinanceWebsocketUnableToConnect", StreamError),
    ("BinanceWebsocketQueueOverflow", ExchangeError),
    ("ReadLoopClosed", LifecycleError),
    ("BinanceAPIException", SnapshotError),
    ("BinanceRequestException", SnapshotError),
]


def test_the_names_are_those_of_the_table():
    assert sorted(exceptions.__all__) == sorted(name for name, _ in BASES)


def test_every_class_of_the_module_is_public():
    own = [
        name for name, kind in inspect.getmembers(exceptions, inspect.isclass) if kind.__module__ == exceptions.__name__
    ]
    assert sorted(own) == sorted(exceptions.__all__)


@pytest.mark.parametrize(("name", "base"), BASES)
def test_a_class_is_caught_by_our_base_and_has_its_documentation(name, base):
    kind = getattr(exceptions, name)
    assert issubclass(kind, base)
    assert issubclass(kind, DepthActorsError)
    assert kind.__doc__
    with pytest.raises(DepthActorsError, match="why"):
        raise kind(*["why"])


def test_the_end_of_reading_is_a_runtime_error_too():
    assert issubclass(exceptions.ReadLoopClosed, RuntimeError)


def test_a_refusal_has_the_numbers_of_the_exchange():
    error = exceptions.BinanceAPIException("no", status=400, code=-1121)
    assert (str(error), error.status, error.code) == ("no", 400, -1121)
