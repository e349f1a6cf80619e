import inspect
from dataclasses import dataclass

import pytest

from depthactors import errors
from depthactors.errors import (
    DepthActorsError,
    ExchangeError,
    LifecycleError,
    MalformedFrameError,
    NotLiveError,
    RateLimitedError,
    RecordingError,
    SnapshotError,
    StreamError,
    SubscriptionError,
    UsageError,
)
from tests.support import table

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


@table("kind", CLASSES)
def test_every_error_is_in_the_one_tree(kind):
    assert issubclass(kind, DepthActorsError)


@table("kind", CLASSES)
def test_every_error_is_in_the_drawn_tree(kind):
    assert kind.__name__ in errors.__doc__


@table(
    ("kind", "bases"),
    [
        (errors.UsageError, (ValueError,)),
        (errors.UnknownMarketError, (UsageError, ValueError)),
        (errors.UnknownSymbolError, (UsageError, ValueError)),
        (errors.CallbackError, (UsageError, ValueError, TypeError)),
        (errors.DepthTooLargeError, (UsageError, ValueError)),
        (errors.MalformedFrameError, (ExchangeError,)),
        (errors.BookIntegrityError, (ExchangeError,)),
        (SubscriptionError, (StreamError, ExchangeError)),
        (RateLimitedError, (SnapshotError, ExchangeError)),
        (LifecycleError, (RuntimeError,)),
        (NotLiveError, (TimeoutError,)),
        (RecordingError, (ValueError,)),
        (errors.RecordingCutError, (RecordingError,)),
    ],
)
def test_bases_that_users_catch(kind, bases):
    assert all(issubclass(kind, base) for base in bases)


@table("excerpt", ["x" * 1000, b"x" * 1000])
def test_malformed_frame_keeps_the_start_of_the_text(excerpt):
    error = MalformedFrameError("expected JSON", excerpt)
    assert error.cause == "expected JSON"
    assert error.excerpt == "x" * 120
    assert str(error) == f"expected JSON: {'x' * 120!r}"


def test_malformed_frame_survives_bytes_that_are_no_text():
    assert "expected JSON" in str(MalformedFrameError("expected JSON", b"\xff\xfe{"))


def test_malformed_frame_without_an_excerpt_is_its_cause():
    assert str(MalformedFrameError("expected levels")) == "expected levels"


def test_snapshot_error_keeps_the_numbers():
    error = SnapshotError("no", status=500, code=-1007)
    assert (str(error), error.status, error.code) == ("no", 500, -1007)
    assert (SnapshotError("no").status, SnapshotError("no").code) == (None, None)


def test_rate_limited_error_keeps_the_wait():
    error = RateLimitedError("wait", status=418, retry_after=120.0)
    assert (error.status, error.retry_after) == (418, 120.0)


def test_recording_error_names_the_place_first():
    error = RecordingError("day.gz", 7, "expected JSON")
    assert str(error) == "day.gz:7: expected JSON"
    assert (error.path, error.line, error.cause) == ("day.gz", 7, "expected JSON")


def test_an_error_kept_as_a_value_has_no_frame():
    def fail():
        try:
            int("x")
        except ValueError as error:
            msg = "no number"
            raise StreamError(msg) from error

    with pytest.raises(StreamError) as raised:
        fail()
    kept = errors.as_value(raised.value)
    assert isinstance(kept.__cause__, ValueError), "the cause stays"
    assert all(link.__traceback__ is None is link.__context__ for link in (kept, kept.__cause__))


def test_the_frames_of_a_frozen_cause_are_removed_too():
    @dataclass(frozen=True)
    class FrozenError(Exception):
        code: int

    with pytest.raises(FrozenError) as raised:
        raise FrozenError(3)
    failure = StreamError("no number")
    failure.__cause__ = raised.value
    assert errors.as_value(failure).__cause__.__traceback__ is None
