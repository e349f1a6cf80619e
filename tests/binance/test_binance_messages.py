"""Error dicts: which error is told under which name."""

import pytest

from depthactors import exceptions
from depthactors.binance.messages import error_message
from depthactors.errors import (
    ActorDiedError,
    BookIntegrityError,
    EscalatedError,
    ExchangeError,
    LifecycleError,
    MalformedFrameError,
    RateLimitedError,
    SlowCallbackError,
    SnapshotError,
    StreamError,
    SubscriptionError,
    UnknownSymbolError,
)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (StreamError("why"), "BinanceWebsocketClosed"),
        (SubscriptionError("why"), "BinanceWebsocketClosed"),
        (EscalatedError("why"), "BinanceWebsocketUnableToConnect"),
        (UnknownSymbolError("why"), "BinanceAPIException"),
        (SnapshotError("why", status=400, code=-1000), "BinanceAPIException"),
        (SnapshotError("why", status=500), "BinanceRequestException"),
        (SnapshotError("why"), "BinanceRequestException"),
        (RateLimitedError("why", status=418), "BinanceRequestException"),
        (SlowCallbackError("why"), "BinanceWebsocketQueueOverflow"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_an_error_has_the_name_that_programs_know(error, name):
    assert error_message(error) == {"e": "error", "type": name, "m": "why"}
    assert hasattr(exceptions, name)


def test_a_malformed_frame_keeps_its_own_name():
    message = error_message(MalformedFrameError("expected JSON", b"{"))
    assert (message["type"], message["m"]) == ("MalformedFrameError", "expected JSON: '{'")


@pytest.mark.parametrize(
    "error",
    [None, ExchangeError("a gap"), BookIntegrityError("crossed"), ActorDiedError("replaced"), LifecycleError("over")],
    ids=repr,
)
def test_what_is_mended_without_a_word_has_no_message(error):
    assert error_message(error) is None
