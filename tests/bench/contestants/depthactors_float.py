"""This library, as its book actor does it: the whole frame checked, the machine, the book, a view of five levels.

What a snapshot does not vouch for is dropped, where the peers keep whatever they hear of; so the book asks for a fresh
snapshot when the price walks away, which is worked out beforehand, and decoded and compared in the time measured.
"""

from itertools import count

import orjson

from depthactors import binance, markets
from depthactors.book import BookState, OrderBook
from depthactors.book.view import capture
from depthactors.sync import RequestSnapshot, Synchronizer

DISTRIBUTION = "depthactors"
DEPTH = 5
LEVELS_KEPT = 3
"""Times the snapshot's size, as the actor has it."""
EPOCH = 1
answers = {}
"""The exchange's answers, by the number of the frame behind which they come."""


def prepare(market, symbol, snapshot, frames):
    """Find out where a fresh snapshot is asked for, and what the exchange, which knows all levels, would answer."""
    row = markets.lookup(market)
    machine, limit = _begin(row, symbol, snapshot)
    everything = OrderBook(symbol, binance.parse_snapshot(snapshot, limit), depth=limit, keep_unvouched=True)
    asked = False
    for number, frame in enumerate(frames):
        diff = binance.read_diff(frame, row.sequencing, symbol)
        everything.apply(diff)
        effects = machine.diff(EPOCH, diff, 0.0)
        if asked:
            shown = capture(everything, limit, BookState.LIVE, float, 0.0)
            sides = {"bids": shown.texts("bid"), "asks": shown.texts("ask")}
            answers[number] = orjson.dumps(snapshot | sides | {"lastUpdateId": diff.last_id})
            effects = _answer(machine, answers[number], limit)
        asked = any(type(effect) is RequestSnapshot for effect in effects)


def follow(market, symbol, snapshot, *, read=True, number=float):
    row = markets.lookup(market)
    machine, limit = _begin(row, symbol, snapshot)
    places = count()

    def take(frame):
        machine.diff(EPOCH, binance.read_diff(frame, row.sequencing, symbol), 0.0)
        answer = answers.get(next(places))
        if answer is not None:
            _answer(machine, answer, limit)
        if not read:
            return None
        view = capture(machine.book, DEPTH, machine.state, number, 0.0, DEPTH)
        if view.state is not BookState.LIVE:
            msg = f"expected a live book, was {view!r}"
            raise RuntimeError(msg)
        return view.bids, view.asks

    return take


def _begin(row, symbol, snapshot):
    shown = max(len(snapshot["bids"]), len(snapshot["asks"]))
    limit = min(limit for limit in row.limits if limit >= shown)
    machine = Synchronizer(
        row.sequencing,
        lambda given, now: OrderBook(symbol, given, depth=DEPTH, max_levels=LEVELS_KEPT * given.limit, recv_time=now),
    )
    machine.stream_up(EPOCH)
    machine.snapshot(EPOCH, binance.parse_snapshot(snapshot, limit), 0.0)
    return machine, limit


def _answer(machine, answer, limit):
    return machine.snapshot(EPOCH, binance.parse_snapshot(orjson.loads(answer), limit), 0.0)
