"""Let other clients follow books on the local exchange, and print what each has beside the truth.

Nothing about a peer is changed but its addresses. Each runs its program of this folder in an interpreter
that has it: the one named by `--python PEER=PATH` or by the peer's environment variable, else the running
one. A peer that is not installed is skipped. The exit status is 0 when every installed peer delivered all
its books, 1 when one did not, 2 when none is installed; a book that differs from the truth is printed as it
is and does not change the status.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from depthactors.errors import UsageError
from depthactors.exchange import BookTruth, LocalExchange

HERE = Path(__file__).parent
SYMBOLS = ("BTCUSDT", "ETHUSDT")
LEVELS = 10
PROBE_PATIENCE = 30.0
STDERR_LINES = 5

Side = tuple[tuple[Decimal, Decimal], ...]


class Peer(NamedTuple):
    """One other client.

    Attributes:
        name: of its distribution.
        program: what runs it, in this folder.
        variable: of the environment, with the interpreter that has it.
    """

    name: str
    program: str
    variable: str


PEERS = (
    Peer("depthactors", "depthactors_client.py", "DEPTHACTORS_PYTHON"),
    Peer("python-binance", "python_binance_client.py", "DEPTHACTORS_PEERS_PYTHON"),
    Peer("ccxt", "ccxt_pro_client.py", "DEPTHACTORS_PEERS_PYTHON"),
    Peer("unicorn-binance-local-depth-cache", "unicorn_client.py", "DEPTHACTORS_UBLDC_PYTHON"),
)


class Task(NamedTuple):
    """What each client is asked for: `samples` books a symbol over `seconds`, all of it within `patience`."""

    samples: int = 10
    seconds: float = 8.0
    patience: float = 60.0


class Book(NamedTuple):
    """What a peer says that it has."""

    symbol: str
    update_id: int | None
    bids: Side
    asks: Side


class Delivery(NamedTuple):
    """What came of one client: its books, what its peer complained about, and how it failed if it did."""

    books: list[Book]
    notes: list[str]
    failure: str

    def complete(self, task):
        """Tell whether all books of each symbol arrived."""
        return all(sum(book.symbol == symbol for book in self.books) == task.samples for symbol in SYMBOLS)


class Comparison(NamedTuple):
    """A peer's book beside the true one of its update id, with how many of the best levels are equal."""

    book: Book
    truth: BookTruth | None
    equal_bids: int
    equal_asks: int

    @property
    def is_equal(self):
        """Whether all levels are."""
        return self.equal_bids == self.equal_asks == LEVELS


def interpreter(peer, chosen=()):
    """Return the path of the interpreter to run a peer in."""
    return dict(chosen).get(peer.name) or os.environ.get(peer.variable) or sys.executable


def installed_version(peer, python):
    """Return the version of a peer that an interpreter has, `None` for none."""
    probe = f"import importlib.metadata as m; print(m.version({peer.name!r}))"
    try:
        done = subprocess.run(
            [python, "-c", probe], capture_output=True, text=True, timeout=PROBE_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def new_exchange():
    """Return an exchange with what the clients follow, not started."""
    return LocalExchange.with_order_flow(SYMBOLS, market="spot", seed=7, rate=10.0)


def follow(peer, python, port, task):
    """Run a peer's client until it has all its books, ends, or runs out of time."""
    command = [python, HERE / peer.program, *map(str, (port, task.samples, task.seconds)), *SYMBOLS]
    local = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=task.patience, env=os.environ | local, check=False)
    except subprocess.TimeoutExpired as late:
        output, errors = late.stdout or b"", late.stderr or b""
        failure = f"killed after {task.patience:g} s"
    else:
        output, errors = done.stdout, done.stderr
        failure = f"exit status {done.returncode}" if done.returncode else ""
    if failure:
        failure = "\n".join([failure, *errors.decode(errors="replace").splitlines()[-STDERR_LINES:]])
    return _delivery(output, failure)


def compare(exchange, book):
    """Put the truth beside a book; there is none beside one whose id is no event's."""
    try:
        truth = exchange.book_at(book.symbol, book.update_id)
    except (UsageError, TypeError):
        return Comparison(book, None, 0, 0)
    return Comparison(book, truth, _equal(book.bids, truth.bids), _equal(book.asks, truth.asks))


def _delivery(output, failure):
    books, notes = [], []
    # A line that was cut off by the kill is no line; a peer may print lines of its own.
    for line in output.decode(errors="replace").splitlines():
        try:
            data = json.loads(line)
        except ValueError:
            continue
        if type(data) is not dict:
            continue
        if "note" in data:
            notes.append(data["note"])
        elif "symbol" in data:
            books.append(Book(data["symbol"], data["update_id"], _side(data["bids"]), _side(data["asks"])))
    return Delivery(books, notes, failure)


def _side(levels):
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in levels)


def _equal(side, truth):
    return sum(mine == true for mine, true in zip(side[:LEVELS], truth[:LEVELS], strict=False))


def _print(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


ROW = "{:33} {:8} {:8} {:>12}  {:37} {:37} {}"


def _row(peer, version, comparison):
    book, truth = comparison.book, comparison.truth
    equal = "yes" if comparison.is_equal else f"NO: {comparison.equal_bids} bids, {comparison.equal_asks} asks"
    known = ("no event has this id", "NO") if truth is None else (_touch(truth), equal)
    return ROW.format(peer.name, version, book.symbol, str(book.update_id), _touch(book), *known)


def _touch(book):
    return " | ".join(_level(side) for side in (book.bids, book.asks))


def _level(side):
    if not side:
        return "nothing"
    price, quantity = side[0]
    return f"{price:.2f} x {quantity:.4f}"


def _print_delivery(peer, version, delivery, comparisons):
    for comparison in comparisons:
        _print(_row(peer, version, comparison))
    for note in delivery.notes:
        _print(f"{peer.name}: it reported {note}")
    if delivery.failure:
        _print(f"{peer.name}: {delivery.failure}")


def _print_summary(peer, version, delivery, comparisons, task):
    equal = sum(comparison.is_equal for comparison in comparisons)
    wanted = task.samples * len(SYMBOLS)
    _print(
        f"{peer.name} {version}: {len(delivery.books)} of {wanted} books delivered, "
        f"{equal} of them equal to the truth in the best {LEVELS} levels of both sides"
    )


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="interpreter of a peer")
    parser.add_argument("--samples", type=int, default=Task().samples, help="books a symbol")
    parser.add_argument("--seconds", type=float, default=Task().seconds, help="over which they are spread")
    parser.add_argument("--patience", type=float, default=Task().patience, help="seconds that a peer may take")
    given = parser.parse_args()
    names = [peer.name for peer in PEERS]
    chosen = [choice.partition("=")[::2] for choice in given.python]
    if any(name not in names or not path for name, path in chosen):
        parser.error(f"expected --python PEER=PATH with a peer of {', '.join(names)}, was {given.python}")
    return chosen, Task(given.samples, given.seconds, given.patience)


def main():
    """Follow with every peer that is installed, all at once."""
    chosen, task = _arguments()
    found = []
    for peer in PEERS:
        python = interpreter(peer, chosen)
        version = installed_version(peer, python)
        if version is None:
            _print(f"{peer.name}: skipped, {python} does not have it; {peer.variable} can name one that does")
        else:
            found.append((peer, version, python))
    if not found:
        return 2
    with new_exchange() as exchange, ThreadPoolExecutor(len(found)) as pool:
        running = [pool.submit(follow, peer, python, exchange.port, task) for peer, _, python in found]
        deliveries = [future.result() for future in running]
        compared = [[compare(exchange, book) for book in delivery.books] for delivery in deliveries]
    _print(ROW.format("peer", "version", "symbol", "update id", "its best bid | ask", "the true ones", "equal"))
    results = list(zip(found, deliveries, compared, strict=True))
    for (peer, version, _), delivery, comparisons in results:
        _print_delivery(peer, version, delivery, comparisons)
    for (peer, version, _), delivery, comparisons in results:
        _print_summary(peer, version, delivery, comparisons, task)
    return 0 if all(delivery.complete(task) for delivery in deliveries) else 1


if __name__ == "__main__":
    sys.exit(main())
