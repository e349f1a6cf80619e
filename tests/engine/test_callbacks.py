"""What is taken as a callback."""

import re
from decimal import Decimal
from functools import partial
from queue import SimpleQueue
from unittest.mock import Mock

import pytest

from depthactors.engine.callbacks import check_callback
from depthactors.errors import CallbackError
from tests.support import table


class WithCall:
    def __call__(self, view):
        pass


async def coroutine(view):
    pass


class Odd:
    __signature__ = "no signature"

    def __call__(self, view):
        pass


class LikeAnArray:
    def __eq__(self, _other):
        raise RuntimeError

    __hash__ = None

    def __call__(self, view):
        pass


def generator(view):
    yield view


async def async_generator(view):
    yield view


def two(symbol, view):
    pass


GOOD = [
    None, print, str, dict, Decimal, Mock(), [].append, SimpleQueue().put, lambda view: view, WithCall(),
    WithCall().__call__, partial(print, end=""), partial(two, "BTCUSDT"), lambda view, depth=5: (view, depth),
    lambda *views: views, Odd(),
]  # fmt: skip


@table("good", GOOD)
def test_anything_that_can_be_called_plainly_is_taken(good):
    check_callback("on_update", good)


def test_one_that_cannot_be_asked_for_its_parameters_is_taken():
    check_callback("on_update", LikeAnArray())


@table("bad", [lambda: None, two, partial(two, 1, 2), lambda *, view: view, WithCall])
def test_one_that_cannot_take_one_argument_is_refused(bad):
    with pytest.raises(CallbackError, match=r"expected a function of one argument as on_update, was .*, which takes"):
        check_callback("on_update", bad)


def test_a_function_that_is_refused_is_named_with_its_parameters():
    words = f"as on_update, was {__name__}.two, which takes (symbol, view)"
    with pytest.raises(CallbackError, match=re.escape(words) + "$"):
        check_callback("on_update", two)


@table("bad", [generator, partial(generator), async_generator])
def test_a_generator_function_is_refused_because_a_call_of_it_runs_nothing(bad):
    with pytest.raises(CallbackError, match="expected a plain function as on_update, was a generator function"):
        check_callback("on_update", bad)


@table("bad", [7, "print", object(), coroutine, partial(coroutine)])
def test_anything_else_is_refused_with_its_name(bad):
    with pytest.raises(CallbackError, match="on_update") as caught:
        check_callback("on_update", bad)
    assert isinstance(caught.value, TypeError)
