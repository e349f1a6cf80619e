"""Plots are drawn from results of the shape that the benchmarks write, and the same twice."""

import json

import pytest

pytest.importorskip("matplotlib", reason="plots need matplotlib, of the extra `bench`")

from tests.bench import plots
from tests.bench.timing import Spread


def results():
    reading = Spread(4.5, 4.4, 4.6)
    late = {"p50": 0.2, "p99": 0.8, "p99.9": 2.0}
    followed = {"cpu_us": Spread(150.0, 140.0, 160.0), "sustained": 9000.0}
    yield {
        "benchmark": "book",
        "rows": [
            {"recording": "usdm", "contestant": name, "reading": reading} for name in ("depthactors_float", "ccxt_pro")
        ],
    }
    yield {
        "benchmark": "pipe",
        "rows": [
            {"client": "depthactors_engine", "symbols": 1, "latency": late} | followed,
            {"client": "ccxt_pro", "symbols": 1, "latency": None} | followed,
            {"client": "python_binance", "symbols": 100, "failure": "no answer"},
        ],
    }
    yield {"benchmark": "start", "speeds": [], "sizes": []}


@pytest.mark.full
def test_each_plot_is_drawn_the_same_from_the_same_figures(tmp_path):
    file = tmp_path / "results"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in results()))
    folders = tmp_path / "once", tmp_path / "again"
    for folder in folders:
        folder.mkdir()
        plots.main(file, folder)
    once, again = ({path.name: path.read_text() for path in folder.iterdir()} for folder in folders)
    assert set(once) == {"book.svg", "cpu.svg", "rate.svg", "latency.svg"}
    assert once == again
    assert "depthactors, engine" in once["cpu.svg"]
    assert "python-binance" not in once["cpu.svg"]
