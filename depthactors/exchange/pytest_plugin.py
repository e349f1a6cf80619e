"""A pytest plugin: the fixtures `local_exchange` and `local_exchange_session`, for tests of programs that follow books.

It is installed with the package. A test that takes `local_exchange` gets a started `LocalExchange` of its own, to
which every market of depthactors goes while the test runs; any pair of well-known assets is there on each market.
The marker changes that; its arguments are those of `LocalExchange.with_order_flow`:

    @pytest.mark.local_exchange(["BTCUSDT"], market="usdm", faults=[Fault("cut", every=100)])
    def test_my_bot_survives_cuts(local_exchange):
        ...
        assert local_exchange.strikes()["cut"] > 0

A `ThreadedDepthCacheManager` that a test has started and not stopped, since it failed before, is stopped together with
its exchange.

`local_exchange_session` is one exchange for all tests that take it, with its books going on from test to test, and
with the limits of one address: engines of some 270 connections in five minutes. A fixture `local_exchange_options` of
one's own, of scope "session", returns the arguments that it is made with.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from depthactors import reporting
from depthactors.engine.environment import EXCHANGE_VARIABLE
from depthactors.python_binance import program_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depthactors.exchange import LocalExchange

NEEDED: Final = "needs a local exchange: pip install 'depthactors[demo]'"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "local_exchange(symbols, **options): arguments of LocalExchange.with_order_flow for `local_exchange`"
    )


@pytest.fixture
def local_exchange(request: pytest.FixtureRequest) -> Iterator[LocalExchange]:
    """Run a local exchange for one test, and send every market of the program there."""
    marker = request.node.get_closest_marker("local_exchange")
    arguments, options = ((), {}) if marker is None else (marker.args, marker.kwargs)
    with _exchange(*arguments, **options) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def local_exchange_options() -> Mapping[str, Any]:
    """Return the arguments of `LocalExchange.with_order_flow` for `local_exchange_session`; to be overridden."""
    return {}


@pytest.fixture(scope="session")
def local_exchange_session(local_exchange_options: Mapping[str, Any]) -> Iterator[LocalExchange]:
    """Run one local exchange for all tests that take it, and send every market of the program there from then on."""
    with _exchange(**local_exchange_options) as exchange:
        yield exchange


@contextmanager
def _exchange(*arguments: Any, **options: Any) -> Iterator[LocalExchange]:
    try:
        from depthactors.exchange import LocalExchange  # noqa: PLC0415 - an extra, which only the fixtures need
    except ImportError:
        pytest.skip(NEEDED)
    with LocalExchange.with_order_flow(*arguments, **options) as exchange, pytest.MonkeyPatch.context() as patch:
        patch.setenv(EXCHANGE_VARIABLE, exchange.url)
        was_quiet = reporting.quiet()
        before = program_end.living()
        try:
            yield exchange
        finally:
            reporting.quiet(was_quiet)
            # One that outlives a test which failed before its own `stop()` would keep pytest from ending.
            for manager in program_end.living():
                if manager not in before:
                    manager.stop()
