"""A pytest plugin: the fixtures `local_exchange` and `local_exchange_session`, for tests of programs that follow books.

It is installed with the package. A test with the fixture `local_exchange` gets a started `LocalExchange` of its own;
while the test runs, every market of depthactors is served by it, with any pair of well-known assets.
The marker changes this; its arguments are those of `LocalExchange.with_order_flow`:

    @pytest.mark.local_exchange(["BTCUSDT"], market="usdm", faults=[Fault("cut", every=100)])
    def test_my_bot_survives_cuts(local_exchange):
        ...
        assert local_exchange.strikes()["cut"] > 0

A `ThreadedDepthCacheManager` that a test started and did not stop, because it failed before, is stopped together with
the exchange.

`local_exchange_session` is one exchange for all tests that use it. Its books continue from test to test, and so do the
limits of one address: some 270 connections of engines in five minutes. Your own fixture `local_exchange_options`, of
scope "session", returns the arguments with which it is made.
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
    """Register the marker."""
    config.addinivalue_line(
        "markers", "local_exchange(symbols, **options): arguments of LocalExchange.with_order_flow for `local_exchange`"
    )


@pytest.fixture
def local_exchange(request: pytest.FixtureRequest) -> Iterator[LocalExchange]:
    """Run a local exchange for one test; it serves every market of the program."""
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
    """Run one local exchange for all tests that use it; from then on it serves every market of the program."""
    with _exchange(**local_exchange_options) as exchange:
        yield exchange


@contextmanager
def _exchange(*arguments: Any, **options: Any) -> Iterator[LocalExchange]:
    try:
        from depthactors.exchange import LocalExchange  # noqa: PLC0415 - an extra that only the fixtures need
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
            # A manager that outlives a test, which failed before its own `stop()`, would keep pytest from ending.
            for manager in program_end.living():
                if manager not in before:
                    manager.stop()
