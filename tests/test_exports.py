"""The public names: programs outside are written against them."""

import subprocess
import sys
from importlib import metadata

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
