"""Causes are values: none changes after it was classified, and each has a name of its own in the diagram."""

import dataclasses
from collections import Counter
from typing import get_args

from depthactors.sync.causes import Cause

CAUSES = get_args(Cause)


def test_each_is_frozen_and_has_no_room_for_more():
    open_ones = [each for each in CAUSES if not each.__dataclass_params__.frozen or "__slots__" not in vars(each)]
    assert len(CAUSES) > 15
    assert not open_ones


def test_each_has_a_title_that_no_other_has():
    assert [title for title, count in Counter(each.title for each in CAUSES).items() if count > 1] == []
    assert all(dataclasses.is_dataclass(each) and each.title for each in CAUSES)
