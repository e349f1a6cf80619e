"""What is fuzzed: functions of bytes that raise `AssertionError` where something does not hold.

Any exception that the package does not document for the input goes through, and is a find.
"""

from __future__ import annotations

import gzip
import tempfile
from collections import deque
from decimal import Decimal
from math import inf

from depthactors import binance
from depthactors import recording as recordings
from depthactors.actors.book_messages import FramesLost
from depthactors.actors.receivers import Receivers
from depthactors.actors.router import Router
from depthactors.actors.socket_messages import FrameRejected
from depthactors.actors.subscriptions import Subscriptions
from depthactors.binance import Diff, Snapshot
from depthactors.book import BookState, OrderBook
from depthactors.book.numerals import exact
from depthactors.book.view import capture
from depthactors.dispatcher.guarded import Guarded
from depthactors.dispatcher.mailbox import Frames, Mailbox
from depthactors.errors import MalformedFrameError, RecordingError, StreamError
from depthactors.markets import SPOT, Sequencing
from tests.fuzz.driver import Driver
from tests.support import flat, pairs

SYMBOL = "BTCUSDT"
BTC, ETH = b"btcusdt@depth@100ms", b"ethusdt@depth@100ms"
LIMITS = (5, 1000)
FRAME_ROOM = 8
MOST_REJECTED = 100
_BASE = Snapshot(
    100, 0, 8, (1, 0), flat((99 - number, 1) for number in range(6)), flat((101 + number, 1) for number in range(6))
)
_CUT = _BASE._replace(limit=6)
"""The same levels where there may be more: each side has an edge."""


def frame(data: bytes) -> None:
    """Take one frame as a reader and a book do: it is malformed, or a sound diff that can be applied."""
    try:
        message = binance.decode(data)
    except MalformedFrameError as error:
        _check_said(error)
        return
    stream, payload = binance.read_envelope(binance.TEXT, data)
    assert payload is data
    assert stream == binance.stream_of(message) or data.count(b'"stream"') > 1 or b"\\" in data
    notice = binance.parse_notice(message)
    assert not isinstance(notice, binance.ControlReply) or notice.error is None or type(notice.error) is str
    for sequencing in Sequencing:
        try:
            event = binance.payload_of(message)
            diff = binance.parse_diff(event, sequencing, SYMBOL)
        except MalformedFrameError as error:
            _check_said(error)
            _check_refused(data, sequencing)
            continue
        assert binance.read_diff(data, sequencing, SYMBOL) == diff, (
            "expected the quick way to lead where the careful does"
        )
        numbers = diff[:4]
        assert all(type(number) is int for number in numbers), f"expected whole numbers, was {numbers}"
        assert 0 <= diff.first_id <= diff.last_id >= diff.previous_id, f"expected ids in order, was {numbers}"
        _check_levels(diff.bids, event["b"])
        _check_levels(diff.asks, event["a"])
        _check_applied(diff)


def depth_reply(data: bytes) -> None:
    """Take one REST body as the client does: it is malformed, or a snapshot that is a book."""
    for limit in LIMITS:
        answer = binance.HttpAnswer(200, {}, data)
        snapshot = binance.read_depth_reply(answer, SPOT, SYMBOL, limit, sent=0.0, received=0.0, recv_time=0.0).result
        if not isinstance(snapshot, Snapshot):
            assert type(snapshot) is MalformedFrameError
            _check_said(snapshot)
            continue
        reply = binance.decode(data)
        assert type(snapshot.last_update_id) is type(snapshot.event_time) is int
        assert snapshot.limit == limit >= max(len(snapshot.bids), len(snapshot.asks)) / 2
        _check_levels(snapshot.bids, reply["bids"])
        _check_levels(snapshot.asks, reply["asks"])
        book = OrderBook(SYMBOL, snapshot, depth=5, keep_unvouched=True)
        # Of a price that comes twice the later level holds; one without a quantity is no level.
        _check_same(book, *(flat(dict(pairs(side)).items()) for side in (snapshot.bids, snapshot.asks)))
        _check_book(book)
        _check_book(OrderBook(SYMBOL, snapshot, depth=5, max_levels=3))


def machine(data: bytes) -> None:
    """Drive a synchronizer: the first byte sets it up, each two that follow are one input."""
    driver = Driver(data[0] if data else 0)
    for place in range(1, len(data) - 1, 2):
        driver.step(data[place], data[place + 1])
        driver.check()


def router(data: bytes) -> None:
    """Route lines as frames, an empty line ending what one read brought; a connection of rubbish is to end."""
    owner, btc, eth = (_Ref() for _ in range(3))
    receivers, subscriptions = Receivers(), Subscriptions()
    for number, (stream, ref) in enumerate([(BTC, btc), (ETH, eth)], 1):
        receivers.put(stream, ref)
        subscriptions.want(stream)
        subscriptions.next_request(number, 1, (stream,))
    router = Router(7, owner, receivers, Guarded(subscriptions), notify_failure=True)
    frames: list[bytes] = []
    try:
        for read in data.split(b"\n\n"):
            lines = read.split(b"\n")
            frames += lines
            router.route(binance.TEXT, lines, 1.5)
    except StreamError:
        assert router.rejected == MOST_REJECTED + 1, f"expected too much rubbish, was {router.rejected}"
    assert sum(type(each) is FrameRejected for each in owner.got) == min(router.rejected, MOST_REJECTED)
    for stream, ref in receivers.now.items():
        brought = ref.drain()
        left = iter(frames)
        delivered = [frame for each in brought if type(each) is Frames for frame in each.frames]
        assert all(frame in left for frame in delivered), "expected frames in their order, each once"
        lost = sum(each.count for each in brought if type(each) is FramesLost) + router._lost.get(stream, 0)
        assert lost == ref.actor_inbox.dropped, "expected every dropped frame to be reported, now or later"
        assert len(delivered) <= FRAME_ROOM
    router.closed(StreamError("the end"))


def recording(data: bytes) -> None:
    """Read a recording of these bytes, and these bytes as a recording."""
    for content in (data, gzip.compress(data, 1, mtime=0)):
        with tempfile.NamedTemporaryFile(suffix=".gz") as file:
            file.write(content)
            file.flush()
            number = 0
            try:
                for number, line in enumerate(recordings.read(file.name), start=1):
                    assert line.number == number
                    assert line.recv_ns >= 0
                    assert type(line.message) is type(line.event) is dict
                    assert {line.is_snapshot, line.is_diff, line.is_ticker} <= {True, False}
            except RecordingError as error:
                # What is not gzip has no lines.
                is_gzip = number or content.startswith(b"\x1f\x8b")
                _check_said(error, file.name, number + 1 if is_gzip else 0)


TARGETS = {target.__name__: target for target in (frame, depth_reply, machine, router, recording)}


class _Inbox(Mailbox):
    """Counts the frames that it was asked to take and had no room for."""

    dropped = 0

    def has_room(self, frames: list[bytes]) -> bool:
        room = super().has_room(frames)
        self.dropped += 0 if room else len(frames)
        return room


class _Ref:
    """Stands for an actor: keeps the messages that it gets."""

    def __init__(self) -> None:
        self.got: list[object] = []
        self.actor_inbox = _Inbox(FRAME_ROOM)

    def tell(self, message: object) -> None:
        self.got.append(message)

    def drain(self) -> list[object]:
        brought: deque = self.actor_inbox._data
        return [message for _, message, _ in brought]


def _check_said(error: Exception, *named) -> None:
    """Hold an error to words, and those of a recording to the place that they name."""
    assert str(error)
    assert error.args[: len(named)] == named, f"expected {named} to be named, was {error.args}"


def _check_refused(data: bytes, sequencing: Sequencing) -> None:
    """See to it that the quick way takes nothing that the careful one refuses."""
    try:
        binance.read_diff(data, sequencing, SYMBOL)
    except MalformedFrameError as error:
        _check_said(error)
        return
    msg = "expected a malformed frame, was read"
    raise AssertionError(msg)


def _check_levels(changes, levels) -> None:
    """Compare what was made of levels with what they said."""
    assert type(levels) is list
    assert len(changes) == 2 * len(levels)
    for (price, quantity), (price_text, quantity_text, *_) in zip(pairs(changes), levels, strict=True):
        assert 0 < price < inf, f"expected a price, was {price_text!r}"
        assert Decimal(repr(price)) == Decimal(price_text), f"expected {price_text!r} exactly, was {price!r}"
        size = float(quantity_text)
        assert 0 <= size < inf, f"expected a quantity, was {quantity_text!r}"
        assert bool(quantity) == bool(size)
        assert not quantity or exact(quantity) == Decimal(quantity_text), (
            f"expected {quantity_text!r}, was {quantity!r}"
        )


def _check_applied(diff: Diff) -> None:
    book = OrderBook(SYMBOL, _BASE, depth=5, whole=True)
    book.apply(diff)
    _check_same(book, _BASE.bids + diff.bids, _BASE.asks + diff.asks)
    _check_book(book)
    for limited in (
        OrderBook(SYMBOL, _CUT, depth=5, max_levels=7),
        OrderBook(SYMBOL, _CUT, depth=5, keep_unvouched=True),
    ):
        limited.apply(diff)
        _check_book(limited)


def _check_same(book: OrderBook, bids, asks) -> None:
    """Compare a book that knows both sides whole with its levels put in one by one."""
    for side, changes in ((book.bids, bids), (book.asks, asks)):
        known = {}
        for price, quantity in pairs(changes):
            known.pop(side.sign * price, None)
            if quantity:
                known[side.sign * price] = quantity
        assert side.best_keys() == sorted(known), "expected all levels in order, best first"
        assert side.quantities == known


def _check_book(book: OrderBook) -> None:
    """Hold a book to its invariants, and read all that a user can."""
    if book.crossed:
        return
    book.check()
    for number in (float, Decimal):
        view = capture(book, None, BookState.LIVE, number, 0.0)
        assert view is not None
        for side in (view.bids, view.asks):
            assert all(price > 0 and quantity > 0 for price, quantity in side)
        assert list(view.bids) == sorted(view.bids, reverse=True)
        assert list(view.asks) == sorted(view.asks)
        assert len(view.texts("bid")) == len(view.bids)
        assert view.spread is None or view.spread >= 0
        _ = view.mid, view.microprice, view.imbalance(3), repr(view)
