"""`depthactors serve`: follow books, and serve them over HTTP and websockets."""

from __future__ import annotations

import argparse
import ssl
from pathlib import Path
from typing import Final

from depthactors.cli.arguments import at_least_one, market
from depthactors.cli.endings import until_signal
from depthactors.cli.output import complain
from depthactors.engine.depth_engine import DepthEngine
from depthactors.engine.environment import announcement
from depthactors.errors import UsageError
from depthactors.markets import normalize_symbol

HOST: Final = "127.0.0.1"
PORT: Final = 8080
DEPTH: Final = 100
_LARGEST_PORT: Final = 65_535
_GIVEN_UP: Final = 1
_LOOK: Final = 0.25
"""Seconds between two checks whether all books are given up."""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Describe the command, and add its options."""
    parser.description = (
        "Follow books and serve them: GET /books, /books/MARKET/SYMBOL?levels=N and /healthz, and at /stream a "
        "websocket that sends a snapshot and then what changed. It ends with Ctrl-C or SIGTERM. Exit status 1 if no "
        "book is left to serve."
    )
    parser.add_argument("symbols", nargs="+", metavar="SYMBOL", help="books to serve")
    parser.add_argument("--market", type=market, default="spot", metavar="MARKET", help="market (default spot)")
    parser.add_argument("--depth", type=at_least_one, default=DEPTH, help=f"levels a side (default {DEPTH})")
    parser.add_argument("--host", default=HOST, help=f"address to listen on (default {HOST}: this machine alone)")
    parser.add_argument("--port", type=_port, default=PORT, help=f"TCP port; 0 for any that is free (default {PORT})")
    parser.add_argument(
        "--name", action="append", default=[], help="name under which clients reach this machine; may be repeated"
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with what each client has to know")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate, with those that it hangs on")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key")
    parser.add_argument(
        "--unprotected",
        action="store_true",
        help="listen on another address than this machine's own without token and TLS: anybody may read, and listen in",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve; returns the exit status."""
    from depthactors.serve import BookServer  # noqa: PLC0415 - an extra

    symbols = [*dict.fromkeys(normalize_symbol(symbol) for symbol in options.symbols)]
    token, tls = _token(options.token_file), _tls(options.tls_cert, options.tls_key)
    with until_signal() as ended, DepthEngine(options.market) as engine:
        server = BookServer(
            engine,
            host=options.host,
            port=options.port,
            names=options.name,
            token=token,
            tls=tls,
            unprotected=options.unprotected,
        )
        if where := announcement():
            complain(where)
        handles = engine.subscribe_many(symbols, depth=options.depth)
        with server:
            print(f"serving {', '.join(symbols)} ({options.market}) at {server.url}; Ctrl-C ends it", flush=True)
            while not ended.wait(_LOOK):
                if all(handle.state.over for handle in handles):
                    for handle in handles:
                        complain(f"{handle.symbol} ({handle.market}): given up: {handle.error}")
                    return _GIVEN_UP
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _LARGEST_PORT):
        msg = f"expected a port from 0 to {_LARGEST_PORT}, was {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _token(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        msg = f"expected a file with a token, was {path}: {error}"
        raise UsageError(msg) from None
    if not token:
        msg = f"expected a token in {path}, was an empty file"
        raise UsageError(msg)
    return token


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        msg = "expected --tls-cert and --tls-key together, was one of them"
        raise UsageError(msg)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        msg = f"expected a certificate and its key, was {certificate} and {key}: {error}"
        raise UsageError(msg) from None
    return context
