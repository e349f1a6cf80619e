"""The messages between actors: never changed after they are made."""

import dataclasses
import importlib
import pkgutil

import pytest

from depthactors import actors
from depthactors.actors import (
    base,
    book_event,
    book_messages,
    book_spec,
    questions,
    snapshot_messages,
    socket_messages,
    supervisor_messages,
)
from depthactors.actors.book_messages import StreamUp
from depthactors.dispatcher import mailbox
from depthactors.dispatcher.mailbox import Frames

MODULES = (
    mailbox,
    base,
    book_event,
    book_messages,
    book_spec,
    questions,
    snapshot_messages,
    socket_messages,
    supervisor_messages,
)


def test_each_is_frozen():
    classes = {
        each
        for module in MODULES
        for each in vars(module).values()
        if dataclasses.is_dataclass(each) and each.__module__ == module.__name__
    }
    assert len(classes) > 30
    open_ones = [each for each in classes if not each.__dataclass_params__.frozen or "__slots__" not in vars(each)]
    assert not open_ones


def test_each_value_of_an_actor_is_frozen_whole():
    names = [f"{actors.__name__}.{each.name}" for each in pkgutil.iter_modules(actors.__path__)]
    classes = [
        each
        for name in names
        for each in vars(importlib.import_module(name)).values()
        if dataclasses.is_dataclass(each) and isinstance(each, type) and each.__module__ == name
    ]
    assert len(classes) > 50
    # An instance without slots takes further attributes, and three times the memory.
    assert [each for each in classes if "__slots__" not in vars(each)] == []


def test_a_change_is_refused():
    message = StreamUp(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        message.epoch = 2


def test_frames_of_one_read_are_compared_by_content():
    assert Frames(1, [b"a"], 2.0) == Frames(1, [b"a"], 2.0) != Frames(1, [b"b"], 2.0)
