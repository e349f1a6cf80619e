"""A small Binance on the loopback interface, in threads: the test bed of depthactors and of its users.

`LocalExchange` serves REST depth and diff streams from recordings or from a seeded order flow, and
knows the exact book after every event (`book_at`).
"""

try:
    import websockets.sync.server as _server_side
except ImportError as error:  # the server side is an optional extra
    msg = (
        "expected the package 'websockets', which serves the local exchange's connections; "
        "install it with: pip install depthactors[demo]"
    )
    raise ImportError(msg) from error

del _server_side

from depthactors.exchange.feed import Feed  # noqa: E402 - after the check of the extra
from depthactors.exchange.local import LocalExchange  # noqa: E402
from depthactors.exchange.truth import BookTruth  # noqa: E402

__all__ = ["BookTruth", "Feed", "LocalExchange"]
