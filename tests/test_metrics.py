"""The metrics are the status, under Prometheus' names, and a scrape disturbs nobody."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics
from prometheus_client.parser import text_string_to_metric_families

from depthactors import BookState, DepthEngine
from depthactors.actors.cell import Listener
from depthactors.metrics import EngineCollector
from tests.support import Recorder, until

BTC = {"engine": "main", "market": "spot", "symbol": "BTCUSDT", "interval": "100ms"}


@pytest.fixture
def scrape():
    """Scrape engines as Prometheus would; returns the value of a metric by name and labels."""

    def scrape(**engines):
        registry = CollectorRegistry(auto_describe=True)
        registry.register(EngineCollector(**engines))
        families = list(text_string_to_metric_families(generate_latest(registry).decode()))
        assert generate_open_metrics(registry).endswith(b"# EOF\n")
        samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }
        assert len(samples) == sum(len(family.samples) for family in families), "each series once"
        return lambda name, **labels: samples.get((name, tuple(sorted(labels.items()))))

    return scrape


@pytest.mark.one_process
def test_an_engines_books_connections_and_pools_are_told(engine, scrape):
    minute = time.time() // 60
    engine.subscribe_many(["BTCUSDT", "ETHUSDT"], depth=20)
    engine.wait_live(10)
    value = scrape(main=engine)
    assert value("depthactors_engine_up", engine="main") == 1
    assert (value("depthactors_book_live", **BTC), value("depthactors_book_promised_levels", **BTC)) == (1, 20)
    assert value("depthactors_book_snapshots_total", **BTC) >= 1
    assert value("depthactors_book_trusted_bid_levels", **BTC) >= 20
    assert (value("depthactors_book_gaps_total", **BTC), value("depthactors_book_restarts_total", **BTC)) == (0, 0)
    assert 0 <= value("depthactors_book_age_seconds", **BTC) < 10
    connection = {"engine": "main", "market": "spot", "connection": "socket-spot-1"}
    assert value("depthactors_connection_up", **connection) == 1
    assert value("depthactors_connection_streams", **connection) == 2
    pool = {"engine": "main", "pool": engine.status().pools[0].name}
    assert value("depthactors_snapshots_weight_allowed", **pool) == 6000
    # The exchange counts by the clock's minute: in a new one nothing is used yet.
    assert value("depthactors_snapshots_weight_used", **pool) >= 10 or time.time() // 60 != minute
    assert value("depthactors_snapshots_fetched_total", **pool) >= 2


def test_a_recording_has_series_of_its_own(exchange, scrape, tmp_path):
    with DepthEngine(record=tmp_path) as engine:
        book = engine.subscribe("BTCUSDT").wait_live(10)
        until(lambda: book.status().recording.frames)
        value = scrape(main=engine)
        assert value("depthactors_recording_up", **BTC) == 1
        assert value("depthactors_recording_files_total", **BTC) == 1
        assert value("depthactors_recording_frames_total", **BTC) > 0
        assert (
            value("depthactors_recording_lost_total", **BTC)
            == value("depthactors_recording_failures_total", **BTC)
            == 0
        )


def test_one_symbol_at_two_speeds_and_in_two_engines_makes_four_series(exchange, scrape):
    with DepthEngine() as one, DepthEngine(speed_ms=1000) as other:
        for engine in (one, other):
            engine.subscribe("BTCUSDT")
            engine.wait_live(10)
        value = scrape(one=one, other=other)
    assert value("depthactors_book_live", **BTC | {"engine": "one"}) == 1
    assert value("depthactors_book_live", **BTC | {"engine": "other", "interval": "1000ms"}) == 1


@pytest.mark.one_process
def test_counters_go_on_over_a_restart_of_the_actor(engine, scrape):
    book = engine.subscribe("BTCUSDT").wait_live(10)
    before = scrape(main=engine)("depthactors_book_diffs_total", **BTC)
    events = Recorder()
    book._cell.add(Listener(None, events))
    book.ref.tell(object())
    events.wait_for(lambda event: event.state is BookState.LIVE)
    assert scrape(main=engine)("depthactors_book_restarts_total", **BTC) == 1
    assert scrape(main=engine)("depthactors_book_diffs_total", **BTC) >= before


def test_a_scrape_starts_no_engine_and_outlives_one(exchange, scrape):
    engine = DepthEngine()
    assert scrape(main=engine)("depthactors_engine_up", engine="main") == 0
    assert not engine.running
    with engine:
        engine.subscribe("BTCUSDT").wait_live(10)
    value = scrape(main=engine)
    assert (value("depthactors_engine_up", engine="main"), value("depthactors_book_live", **BTC)) == (0, None)


def test_a_book_whose_worker_does_not_answer_has_no_numbers_that_only_the_worker_knows(engine, scrape, monkeypatch):
    engine.subscribe("BTCUSDT", depth=5).wait_live(10)
    status = engine.status()
    (row,) = status.books
    status = replace(status, books=(replace(row, trusted_bids=None, trusted_asks=None),))
    monkeypatch.setattr(engine, "status", lambda: status)
    value = scrape(main=engine)
    assert value("depthactors_book_trusted_bid_levels", **BTC) is None
    assert value("depthactors_book_promised_levels", **BTC) == 5


def test_without_the_extra_it_is_named():
    program = 'import sys; sys.modules["prometheus_client"] = None; import depthactors.metrics'
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr.splitlines()[-1] == (
        "ImportError: depthactors.metrics needs the package 'prometheus_client': pip install 'depthactors[metrics]'"
    )
