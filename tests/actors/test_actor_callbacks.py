"""A user's function is known by its name, and nothing of the user's is called to find it."""

import os
import sys
import threading
from dataclasses import dataclass
from functools import partial, wraps

import pytest

from depthactors import reporting
from depthactors.actors.callbacks import call, is_calling, name_of, view_of
from depthactors.book import BookState, OrderBook
from depthactors.errors import CallbackError
from tests.actors.actor_support import snapshot
from tests.stepped import SteppedDispatcher
from tests.support import table


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


class Nameless(type):
    def __getattribute__(cls, name):
        if name in {"__name__", "__qualname__"}:
            raise SystemExit(name)
        return super().__getattribute__(name)


class HostileError(Exception, metaclass=Nameless):
    def __str__(self):
        raise SystemExit

    @property
    def __traceback__(self):
        raise SystemExit


@wraps(plain)
def wrapped(argument):
    plain(argument)


HERE = __name__


@table(
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
def test_a_function_has_the_name_by_which_a_user_knows_it(callback, name):
    assert name_of(callback) == name


def test_a_function_is_called_with_a_view_of_the_book_or_with_the_view_that_there_is():
    clock = SteppedDispatcher()
    view = view_of(2, float, clock)
    book = OrderBook("BTCUSDT", snapshot(levels=5), depth=3, recv_time=clock.time())
    clock.now += 4.0
    made = view(book)
    assert (made.last_update_id, len(made.bids), len(made.asks), made.state) == (100, 2, 2, BookState.LIVE)
    assert made.age == 4.0
    assert view(made) is made


def test_a_function_that_wraps_itself_is_named_too():
    def odd(argument):
        del argument

    odd.__wrapped__ = odd
    assert name_of(odd).endswith("odd")


@pytest.mark.parametrize("error", [None, ValueError])
def test_a_thread_is_calling_until_the_function_has_returned_or_raised(error):
    seen, this = [], threading.current_thread()

    def function(_argument):
        seen.append(is_calling(this))
        if error is not None:
            raise error

    call(function, None)
    assert (seen, is_calling(this)) == ([True], False)


def test_an_exception_is_returned_with_its_cause_and_without_our_frames():
    failure = call(Bot().handle, "bad", "BTCUSDT (spot)")
    assert isinstance(failure, CallbackError)
    assert str(failure) == f"BTCUSDT (spot): the callback {HERE}.Bot.handle raised ValueError: bad"
    assert failure.__cause__.__traceback__.tb_frame.f_code.co_name == "handle"


async def coroutine(argument):
    del argument


def generator(argument):
    yield argument


async def async_generator(argument):
    yield argument


@pytest.mark.parametrize(
    ("function", "kind"),
    [(coroutine, "coroutine"), (generator, "generator"), (async_generator, "async_generator")],
    ids=["coroutine", "generator", "async generator"],
)
def test_a_call_that_has_run_nothing_is_an_error(function, kind, recwarn):
    failure = call(partial(function), 1, "BTCUSDT")
    assert isinstance(failure, CallbackError)
    assert str(failure).startswith(f"BTCUSDT: the callback {__name__}.")
    assert f"returned an object of type {kind}, which nothing runs here: give a plain function" in str(failure)
    assert not recwarn.list
    assert call(lambda argument: argument, 1) is None


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


def test_a_hostile_exception_is_survived_and_reported():
    def fail(_argument):
        raise HostileError

    failure = call(fail, None, "BTCUSDT (spot)")
    assert "raised HostileError: <HostileError, whose text raised SystemExit>" in str(failure)
    assert reporting.flush(), "the thread that says it is not stuck"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(
    ("end", "status"),
    [(lambda: None, 0), (lambda: sys.exit(3), 3), (lambda: sys.exit("no"), 1), (lambda: 1 / 0, 1)],
    ids=["returns", "exits with a number", "exits with words", "raises"],
)
def test_a_child_that_returns_from_a_function_that_forked_ends(end, status):
    parent, children = os.getpid(), []

    def fork(_argument):
        if child := os.fork():
            children.append(child)
        else:
            end()

    failure = call(fork, None)
    if os.getpid() != parent:
        # Not as what runs this test twice.
        os._exit(99)
    assert failure is None
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == status


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_what_such_a_child_has_printed_is_not_lost(tmp_path, monkeypatch):
    parent, children = os.getpid(), []

    def fork(_argument):
        if child := os.fork():
            children.append(child)
        else:
            print("from the child")

    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", None)
        call(fork, None)
        if os.getpid() != parent:
            os._exit(99)
        assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0
    assert (tmp_path / "out").read_text() == "from the child\n"
