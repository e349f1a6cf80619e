"""A user's function is known by its name, and nothing of the user's is called to find it."""

from dataclasses import dataclass
from functools import partial, wraps

import pytest

from depthactors.actors.callbacks import call, name_of
from depthactors.errors import CallbackError


def plain(argument):
    del argument


class Bot:
    def handle(self, argument):
        raise ValueError(argument)

    def __call__(self, argument):
        del argument


class Hostile:
    def __getattribute__(self, name):
        raise SystemExit(name)

    def __repr__(self):
        raise SystemExit

    def __call__(self, argument):
        raise KeyError(argument)


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


@wraps(plain)
def wrapped(argument):
    plain(argument)


HERE = __name__


@pytest.mark.parametrize(
    ("callback", "name"),
    [
        (plain, f"{HERE}.plain"),
        (Bot().handle, f"{HERE}.Bot.handle"),
        (partial(partial(plain), 1), f"{HERE}.plain"),
        (wrapped, f"{HERE}.plain"),
        (print, "print"),
        ([].append, "list.append"),
        (Bot(), "a Bot"),
    ],
)
def test_a_function_is_known_by_its_name(callback, name):
    assert name_of(callback) == name


def test_a_function_that_wraps_itself_is_named_too():
    def odd(argument):
        del argument

    odd.__wrapped__ = odd
    assert name_of(odd).endswith("odd")


def test_what_is_raised_comes_back_with_its_cause_and_without_our_frames():
    failure = call(Bot().handle, "bad", "BTCUSDT (spot)")
    assert isinstance(failure, CallbackError)
    assert str(failure) == f"BTCUSDT (spot): the callback {HERE}.Bot.handle raised ValueError: bad"
    assert failure.__cause__.__traceback__.tb_frame.f_code.co_name == "handle"


def test_a_hostile_object_is_survived():
    assert name_of(Hostile()) == "a Hostile"
    assert "a Hostile raised KeyError" in str(call(Hostile(), "key"))
    assert call(plain, 1) is None


def test_an_exception_that_cannot_be_changed_is_reported_like_any_other():
    def callback(_argument):
        raise FrozenError(3)

    failure = call(callback, 1, "BTCUSDT (spot)")
    assert "raised FrozenError: 3" in str(failure)
    assert failure.__cause__.__traceback__.tb_frame.f_code.co_name == "callback"
