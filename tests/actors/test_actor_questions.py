"""The questions to a book: checked when they are made."""

import pickle

import pytest

from depthactors.actors.questions import Best, DepthTo, Full, Status, Top
from depthactors.errors import UsageError
from tests.support import table


@table("levels", [0, -1, 1.0, "5", None, True])
def test_top_wants_a_number_of_levels(levels):
    with pytest.raises(UsageError, match=f"at least 1, was {levels!r}"):
        Top(levels)


@table("side", ["bids", "BID", "", None, 1])
def test_depth_to_wants_a_side(side):
    with pytest.raises(UsageError, match="'bid' or 'ask'"):
        DepthTo(side, 100.0)


@table("question", [Top(5), Best(), Full(), DepthTo("ask", 1.5), Status()])
def test_questions_are_values(question):
    twin = pickle.loads(pickle.dumps(question))
    assert twin == question
    assert hash(twin) == hash(question)
