"""A pytest plugin: the fixture `local_exchange`, for tests of programs that follow order books.

It is installed with the package. A test that takes the fixture gets a started `LocalExchange` with BTCUSDT,
ETHUSDT and BNBUSDT of spot, to which every market of depthactors goes while the test runs. The marker
changes that; its arguments are those of `LocalExchange.with_order_flow`:

    @pytest.mark.local_exchange(["BTCUSDT"], market="usdm", faults=[Fault("cut", every=100)])
    def test_my_bot_survives_cuts(local_exchange):
        ...
        assert local_exchange.strikes()["cut"] > 0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from depthactors import reporting
from depthactors.environment import EXCHANGE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depthactors.exchange import LocalExchange

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "BNBUSDT")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "local_exchange(symbols, **options): arguments of LocalExchange.with_order_flow for `local_exchange`"
    )


@pytest.fixture
def local_exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalExchange]:
    """Run a local exchange for one test, and send every market of the program there."""
    from depthactors.exchange import LocalExchange  # noqa: PLC0415 - an extra, which only users of the fixture need

    marker = request.node.get_closest_marker("local_exchange")
    symbols, options = (SYMBOLS, {}) if marker is None else (marker.args[0] if marker.args else SYMBOLS, marker.kwargs)
    with LocalExchange.with_order_flow(symbols, **options) as exchange:
        monkeypatch.setenv(EXCHANGE_VARIABLE, exchange.url)
        was_quiet = reporting.quiet()
        yield exchange
        reporting.quiet(was_quiet)
