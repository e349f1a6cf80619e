"""Error dicts and the end of a stream: every error that can reach a callback, and the guide's table of them."""

import inspect
from pathlib import Path

from depthactors import errors
from depthactors.actors.book_event import BookEvent
from depthactors.book import BookState
from depthactors.errors import (
    DepthActorsError,
    EngineGoneError,
    EscalatedError,
    LifecycleError,
    MalformedFrameError,
    StreamError,
    UsageError,
)
from depthactors.exceptions import own
from depthactors.python_binance.error_dicts import ERRORS, error_messages
from tests.support import table

GUIDE = Path(__file__).parents[2] / "examples" / "README.md"
ROWS = table("row", ERRORS)
OVER = [BookState.FAILED, BookState.STOPPED]
UNDER_WAY = [BookState.SYNCING, BookState.STALE, BookState.LIVE]
NOT_OF_A_BOOK = {
    # What a call raises, in the program's own thread.
    "DepthTooLargeError", "UnknownMarketError", "UsageError", "LifecycleError", "NotLiveError", "RecordingError",
    "RecordingCutError", "ExportError", "BusyError", "ServerGoneError",
    # What an import raises.
    "DependencyError",
    # What is between the processes of an engine, and has another name for its consequences.
    "LineError",
    "DepthActorsError",
}  # fmt: skip


def messages(state, error):
    return list(error_messages(BookEvent("BTCUSDT", BookState.LIVE, state, error)))


@ROWS
@table("state", UNDER_WAY)
def test_what_goes_on_is_a_dict_only_where_the_table_says_so(row, state):
    error = None if row.error is None else row.error("why")
    expected = [] if row.type is None or row.ends else [{"e": "error", "type": row.type, "m": "why"}]
    assert messages(state, error) == expected


@ROWS
@table("state", OVER)
def test_an_end_is_one_dict_that_says_why_and_then_none(row, state):
    message, end = messages(state, None if row.error is None else row.error("why"))
    assert end is None
    assert (set(message), message["e"]) == ({"e", "type", "m"}, "error")
    assert message["m"] == "why" or row.error is None
    if row.ends:
        assert message["type"] == row.type


@table("state", UNDER_WAY)
def test_a_change_of_state_without_an_error_is_nothing(state):
    assert messages(state, None) == []


def test_only_a_lost_connection_is_a_dict_of_a_stream_that_goes_on():
    assert [row.type for row in ERRORS if row.type and not row.ends] == ["BinanceWebsocketClosed"]


def test_every_error_that_can_reach_a_listener_is_in_the_table_or_has_a_base_there():
    listed = {row.error for row in ERRORS}
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DepthActorsError)]
    assert {kind.__name__ for kind in kinds if listed.isdisjoint(kind.__mro__)} == NOT_OF_A_BOOK


@ROWS
def test_a_row_names_a_class_that_programs_can_import(row):
    if row.type is not None:
        assert hasattr(own, row.type) or hasattr(errors, row.type)


def test_an_error_without_a_row_is_reported_as_its_nearest_base():
    class HandshakeError(StreamError):
        pass

    assert [each["type"] for each in messages(BookState.STALE, HandshakeError("why"))] == ["BinanceWebsocketClosed"]
    assert messages(BookState.FAILED, EngineGoneError("why"))[0]["type"] == "SharingError"


@table("error", [MalformedFrameError("why"), LifecycleError("why"), UsageError("why")])
def test_an_end_that_the_table_does_not_know_has_the_name_of_its_error(error):
    assert messages(BookState.FAILED, error)[0]["type"] == type(error).__name__


def test_used_up_tries_to_connect_have_another_name_than_deaths():
    exhausted = errors.ReconnectsExhaustedError("why")
    assert messages(BookState.FAILED, exhausted)[0]["type"] == "BinanceWebsocketUnableToConnect"
    assert messages(BookState.FAILED, EscalatedError("why"))[0]["type"] == "EscalatedError"


def test_the_guide_has_the_table():
    lines = ["| what happens | python-binance's callback gets | here it gets |", "| --- | --- | --- |"]
    for row in ERRORS:
        name = f"`{row.type}`" if row.type else "no dict"
        rest = ", then `None`: the stream is over" if row.ends else f": {row.instead}"
        lines.append(f"| {row.what} | {row.theirs} | {name}{rest} |")
    assert "\n".join(lines) in GUIDE.read_text(encoding="utf-8")
