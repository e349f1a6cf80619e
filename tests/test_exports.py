"""The public names: programs outside are written against them."""

import subprocess
import sys
from importlib import metadata

import pytest

import depthactors


def test_its_version_is_that_of_the_distribution():
    assert depthactors.__version__ == metadata.version("depthactors")


def test_the_package_exports_what_is_documented():
    assert sorted(depthactors.__all__) == [
        "Best",
        "BinanceSocketManager",
        "BookDelta",
        "BookEvent",
        "BookHandle",
        "BookState",
        "BookStatus",
        "BookView",
        "Client",
        "DepthCache",
        "DepthCacheManager",
        "DepthEngine",
        "DepthReader",
        "DepthTo",
        "EngineStatus",
        "Full",
        "FuturesDepthCacheManager",
        "Market",
        "OptionsDepthCacheManager",
        "OrderBook",
        "SharedBook",
        "Status",
        "ThreadedDepthCacheManager",
        "Top",
        "WorkerStatus",
        "markets",
    ]
    for name in depthactors.__all__:
        assert hasattr(depthactors, name)


def test_the_package_imports_no_extra():
    script = (
        "import depthactors, sys\n"
        "print([name for name in ('depthactors.exchange', 'websockets', 'rich') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert result.stdout == "[]\n"


@pytest.mark.parametrize(
    ("public", "names"),
    [
        (
            depthactors.DepthEngine,
            "books rebalance running start status stop subscribe subscribe_many unsubscribe wait_live wait_stopped",
        ),
        (
            depthactors.BookHandle,
            "ask close depth error market ref speed_ms state status symbol updates view wait wait_live",
        ),
        (depthactors.BinanceSocketManager, "close"),
        (depthactors.DepthReader, "alive books close reason records torn updates view wait wait_for_engine wait_live"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_help_of_a_public_class_has_what_a_program_calls_and_nothing_else(public, names):
    assert [name for name in dir(public) if not name.startswith("_")] == names.split()
