"""`depthactors exchange`: a local exchange in the foreground."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Final

from depthactors.cli.serving import add_options, described, open_exchange
from depthactors.engine.environment import EXCHANGE_VARIABLE

if TYPE_CHECKING:
    import argparse

    from depthactors.exchange import LocalExchange

PORT: Final = 9000


def set_up(parser: argparse.ArgumentParser) -> None:
    """Describe the command, and add its options."""
    parser.description = (
        "Run a small Binance on 127.0.0.1 until Ctrl-C (status 130) or SIGTERM (status 0), and say how to "
        "point a program at it."
    )
    add_options(parser, port=PORT)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the exchange; returns the exit status."""
    terminated = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    try:
        with open_exchange(options) as exchange:
            print(_directions(exchange), flush=True)
            try:
                terminated.wait()
            finally:
                for kind, count in sorted(exchange.strikes().items()):
                    print(f"fault {kind}: {count}", flush=True)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _directions(exchange: LocalExchange) -> str:
    """Say what is served and how to reach it."""
    lines = [
        f"local exchange: {described(exchange)}",
        f"  unchanged depthactors program   {EXCHANGE_VARIABLE}={exchange.url} python program.py",
    ]
    for row in exchange.markets:
        symbol = exchange.symbols_of(row.name)[0]
        streams = f"{row.stream_path}?streams={row.diff_stream(symbol, row.speeds[0][0])}"
        market = "" if len(exchange.markets) == 1 else f", {row.name}"
        lines += [
            f"  {f'REST{market}':<32}{exchange.url}{row.depth_path}?symbol={symbol}",
            f"  {f'websocket{market}':<32}{exchange.url.replace('http', 'ws', 1)}{streams}",
        ]
    return "\n".join((*lines, "Ctrl-C ends it."))
