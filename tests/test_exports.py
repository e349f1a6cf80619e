"""The public names: programs outside are written against them."""

import subprocess
import sys
from importlib import metadata

import pytest

import depthactors
from tests.support import table


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


COMMAND = """
from depthactors.cli import main
try:
    main({})
except SystemExit:
    pass
"""


def imported_by(program):
    """Run a program; return the modules of the package, and of other packages, that it has imported."""
    script = f"import sys\n{program}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("program", "needless"),
    [
        (
            "import depthactors as d; d.DepthEngine(); d.ThreadedDepthCacheManager()",
            "recording shards sharing worker exchange cli actors.recorder actors.publisher",
        ),
        ("from depthactors import DepthReader", "actors dispatcher net engine recording shards sync exchange cli"),
        ("from depthactors.exchange import LocalExchange", "actors net engine book sync recording.book_files cli"),
        ("from depthactors.recording import RecordTo", "actors net engine book sync binance cli"),
        ("from depthactors.exchange import Fault, Limits", "actors dispatcher net engine book sync exchange.local cli"),
        (COMMAND.format(["--help"]), "actors book engine markets recording sharing status exchange"),
        (COMMAND.format(["watch", "--attach", "nobodys"]), "actors dispatcher net recording shards sync exchange"),
        (COMMAND.format(["exchange", "--help"]), "actors dispatcher net book recording shards sync sharing"),
        ("import depthactors", "actors book engine markets recording sharing status exchange cli"),
    ],
    ids=["engine", "reader", "local", "record", "faults", "help", "watch", "exchange", "package"],
)
def test_a_program_imports_what_it_uses(program, needless):
    imported = imported_by(program)
    assert [name for name in needless.split() if f"depthactors.{name}" in imported] == []
    extras = {"websockets", "rich", "numpy", "pyarrow", "prometheus_client"}
    assert imported & extras <= ({"websockets"} if "LocalExchange" in program else set())


def test_the_constructor_imports_all_that_its_engine_needs(tmp_path):
    """Not a thread of the engine, which would import while the program forks or ends."""
    program = f"""
import depthactors
from depthactors.exchange import LocalExchange
arguments = [dict(), dict(name="imports-all"), dict(record={str(tmp_path)!r}), dict(processes=1)]
with LocalExchange.with_order_flow(["BTCUSDT"]) as exchange:
    market = depthactors.markets.lookup("spot").at(exchange.url)
    for each in arguments:
        engine = depthactors.DepthEngine(market, **each)
        before = {{*sys.modules}}
        with engine:
            engine.subscribe("BTCUSDT", depth=5, on_update=print).wait_live(20)
            engine.status()
        late = [name for name in {{*sys.modules}} - before if name.startswith("depthactors")]
        assert late == [], (each, late)
"""
    imported_by(program.replace("on_update=print", "on_update=id"))


@table(
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
)
def test_help_of_a_public_class_has_what_a_program_calls_and_nothing_else(public, names):
    assert [name for name in dir(public) if not name.startswith("_")] == names.split()
