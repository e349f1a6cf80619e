"""No step of an event has become slow: a ratio within one run, that no other program can shift for long."""

import pytest

from tests.bench import book
from tests.bench.frames import stage
from tests.bench.made import make_recording
from tests.bench.timing import spread

LIMITS = {"depthactors_float": 8.0, "depthactors_decimal": 11.0}
"""Times `orjson.loads` of the same frames, a third above what was measured for this made-up market."""
ROUNDS = 5


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    path = tmp_path_factory.mktemp("guard") / "made.gz"
    make_recording(path)
    return stage(path)


@pytest.mark.proof
@pytest.mark.parametrize("name", LIMITS)
def test_an_event_with_a_read_costs_no_more_than_it_did(given, tmp_path, name):
    with book.Worker(name, given, tmp_path / "worker", read=True) as worker:
        for _ in range(book.WARM_UP + ROUNDS):
            worker.play()
    # The best round: whatever disturbs one makes it slower.
    assert spread(worker.ratios()).least < LIMITS[name]
