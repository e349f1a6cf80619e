"""No step of an event has become slow: a ratio to a plain loop in turns with it."""

import pytest

from tests.bench import book
from tests.bench.frames import stage
from tests.bench.made import make_recording

LIMITS = {"depthactors_float": 1.9, "depthactors_decimal": 2.5}
"""Times the plain loop of the same frames, a quarter above what was measured for this made-up market."""
ROUNDS = 30
"""At most: on a busy machine whole seconds are slower, for one side of the ratio more than for the other."""


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    path = tmp_path_factory.mktemp("guard") / "made.gz"
    make_recording(path)
    return stage(path)


@pytest.mark.proof
@pytest.mark.parametrize("name", LIMITS)
def test_an_event_with_a_read_costs_no_more_than_it_did(given, tmp_path, name):
    with (
        book.Worker(name, given, tmp_path / "ours", read=True) as ours,
        book.Worker("plain_loop", given, tmp_path / "plain", read=False) as plain,
    ):
        for _ in range(ROUNDS):
            ours.play()
            plain.play()
            # The best round: whatever disturbs one of ours makes it slower.
            best = min(map(_ratio, ours.rounds, plain.rounds))
            if best < LIMITS[name]:
                break
    assert best < LIMITS[name]


def _ratio(ours, plain):
    return ours["seconds"] / plain["seconds"]
