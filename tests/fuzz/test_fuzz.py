"""Each target with its corpus, and with bytes that are nearly right; `python -m tests.fuzz` looks for more."""

import pytest
from hypothesis import given, settings

from tests.fuzz import grammar
from tests.fuzz.command import CORPUS, LONGEST, NAMES
from tests.fuzz.targets import TARGETS
from tests.support import table

FILES = sorted(CORPUS.glob("*/*"))
_effort = settings(derandomize=True)
pytestmark = pytest.mark.timeout(180)


@table("path", FILES)
def test_the_corpus(path):
    TARGETS[path.parent.name](path.read_bytes())


def test_the_corpus_is_small_and_has_every_target():
    assert {path.parent.name for path in FILES} == set(TARGETS) == set(NAMES)
    for name in NAMES:
        sizes = [path.stat().st_size for path in FILES if path.parent.name == name]
        assert len(sizes) <= 60
        assert max(sizes) <= LONGEST


@_effort
@given(grammar.frames)
def test_frames(data):
    TARGETS["frame"](data)


@_effort
@given(grammar.bodies)
def test_depth_replies(data):
    TARGETS["depth_reply"](data)


@_effort
@given(grammar.programs)
def test_programs_of_a_synchronizer(data):
    TARGETS["machine"](data)


@_effort
@given(grammar.conversations)
def test_conversations(data):
    TARGETS["router"](data)


@_effort
@given(grammar.recordings)
def test_recordings(data):
    TARGETS["recording"](data)
