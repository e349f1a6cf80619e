import os
import subprocess
import sys
from itertools import pairwise

import orjson
import pytest

from depthactors import markets
from depthactors.errors import (
    HandshakeRefusedError,
    MalformedFrameError,
    RateLimitedError,
    SnapshotError,
    UnknownSymbolError,
    UsageError,
)
from tests.exchange.exchange_support import Replay
from tests.sim.faults import ALL, PlannedFault
from tests.sim.sim_support import SYMBOLS, Stage, digest
from tests.support import pairs, table

BTC = "BTCUSDT"
ROWS = [markets.SPOT, markets.USDM]


def struck(kind, **options):
    """Make an exchange with one fault, five seconds after the beginning."""
    symbol = BTC if kind not in {"refuse", "slow-accept", "handshake-429", "handshake-403"} else None
    return Stage(faults=[PlannedFault(5.0, kind, symbol, **options)])


def watched(kind, *, until=15.0, **options):
    """Let a fault strike one connection; return it, and the ids of its events of BTCUSDT as texts or numbers."""
    follower = struck(kind, **options).follow(BTC, "ETHUSDT", seconds=until)
    assert follower.stage.exchange.strikes() == {kind: 1}
    return follower


def gaps(follower, symbol=BTC):
    """Return `U` minus the last `u`, minus 1, of each two events in a row, where it is not 0."""
    neighbours = pairwise(follower.events(symbol))
    return [after["U"] - before["u"] - 1 for before, after in neighbours if after["U"] != before["u"] + 1]


def pauses(follower, symbol=BTC):
    """Return the longest time between two events, by when they were read, and by when they were made."""
    read, made = [], []
    for recv_time, frames in follower.reads:
        for frame in map(orjson.loads, frames):
            if frame["stream"].startswith(symbol.lower()):
                read.append(recv_time)
                made.append(frame["data"]["E"] / 1_000)
    return [max(after - before for before, after in pairwise(times)) for times in (read, made)]


def drop():
    (gap,) = gaps(watched("drop"))
    assert gap > 0


def duplicate():
    (gap,) = gaps(watched("duplicate"))
    assert gap < 0


def reorder():
    one, two, three = gaps(watched("reorder"))
    assert one > 0 > two
    assert three > 0


def delay():
    follower = watched("delay", seconds=4.0)
    assert gaps(follower) == []
    read, made = pauses(follower)
    assert (read > 3.5, made < 0.2) == (True, True)
    assert pauses(follower, "ETHUSDT")[0] < 1.0


def burst():
    assert len(watched("burst", seconds=4.0).events()) > 400


def garbage():
    follower = struck("garbage").connect(BTC)
    follower.stage.scheduler.run_for(15.0)
    broken = 0
    for frame in follower.frames:
        try:
            orjson.loads(frame)
        except orjson.JSONDecodeError:
            broken += 1
    assert broken == 1


def wrong_types():
    assert [type(event["u"]) for event in watched("wrong-types").events()].count(str) == 1


def cut():
    assert "ended the connection" in str(watched("cut").error)


def reset():
    assert "ConnectionResetError" in str(watched("reset").error)


def half_open():
    follower = watched("half-open", until=40.0)
    assert "silent" in str(follower.error)
    assert 4.0 < follower.stream.read_at < 6.0


def shutdown():
    follower = watched("shutdown", seconds=3.0)
    (notice,) = [each for each in map(orjson.loads, follower.frames) if each["stream"] == "!serverShutdown"]
    assert notice["data"]["e"] == "serverShutdown"
    assert follower.error.close_code == 1001
    assert 7.5 < follower.stream.read_at < 9.0


def expire():
    assert watched("expire").error.close_code == 1001


def new_ids():
    (gap,) = gaps(watched("new-ids"))
    assert gap < -(10**9)


def closed():
    assert pauses(watched("closed", seconds=4.0))[1] > 3.5


def subscribed(kind, *symbols, seconds=20.0, **options):
    """Subscribe six seconds after the beginning, when the fault waits."""
    follower = struck(kind, **options).follow(seconds=6.0)
    follower.subscribe(*symbols)
    follower.stage.scheduler.run_for(seconds)
    assert follower.stage.exchange.strikes() == {kind: 1}
    return follower


def unserved():
    follower = subscribed("unserved", BTC, "ETHUSDT")
    assert follower.answers() == [{"result": None, "id": 1}]
    assert (follower.events(), bool(follower.events("ETHUSDT"))) == ([], True)


def refused_subscribe():
    follower = subscribed("refused-subscribe", BTC, "ETHUSDT")
    (answer,) = follower.answers()
    assert "error" in answer
    assert follower.events("ETHUSDT") == []


def too_many_streams():
    follower = subscribed("too-many-streams", BTC)
    assert follower.answers()[0]["error"]["code"] == 4
    assert follower.error.close_code == 1008


def slow_subscribe():
    stage = struck("slow-subscribe", seconds=8.0)
    follower = stage.follow(seconds=6.0)
    follower.subscribe(BTC)
    stage.scheduler.run_for(7.5)
    assert follower.frames == []
    stage.scheduler.run_for(2.0)
    assert follower.answers() == [{"result": None, "id": 1}]
    assert follower.events()


def lost_subscribe():
    follower = subscribed("lost-subscribe", BTC)
    assert (follower.frames, follower.stream.is_alive) == ([], True)


def connected(kind, **options):
    """Connect six seconds after the beginning, when the fault waits."""
    stage = struck(kind, **options)
    stage.scheduler.run_for(6.0)
    return stage.follow(BTC, seconds=10.0)


def refuse():
    follower = connected("refuse")
    assert (follower.calls, "ConnectionResetError" in str(follower.error)) == (["close"], True)


def slow_accept():
    follower = connected("slow-accept", seconds=9.0)
    assert (follower.calls, "not connected within" in str(follower.error)) == (["close"], True)
    assert connected("slow-accept", seconds=3.0).calls[:2] == ["open", "frames"]


def refused_handshake(kind, status, seconds):
    follower = connected(kind, seconds=4.0)
    assert follower.calls == ["close"]
    assert isinstance(follower.error, HandshakeRefusedError)
    assert (follower.error.status, follower.error.retry_after) == (status, seconds)


def handshake_429():
    refused_handshake("handshake-429", 429, 4.0)


def handshake_403():
    refused_handshake("handshake-403", 403, 4.0)


def asked(kind, *, limit=100, **options):
    """Ask for a snapshot six seconds after the beginning, when the fault waits; return the result and the seconds."""
    stage = struck(kind, **options)
    stage.scheduler.run_for(6.0)
    reply, seconds = stage.ask(limit=limit)
    assert stage.exchange.strikes() == {kind: 1}
    return stage, reply.result, seconds


def limited(kind, status):
    _, result, _ = asked(kind, seconds=7.0)
    assert isinstance(result, RateLimitedError)
    assert (result.status, 6.0 <= result.retry_after <= 8.0) == (status, True)


def failed(kind, **options):
    _, result, seconds = asked(kind, **options)
    assert type(result) is SnapshotError
    return result, seconds


def time_out():
    assert failed("time-out", seconds=4.0)[1] > 4.0
    assert 10.0 < failed("time-out", seconds=40.0)[1] < 11.0


def stale():
    stage, result, _ = asked("stale")
    assert result.last_update_id < stage.exchange.last_id(BTC) - 100


def mismatch():
    stage, result, _ = asked("mismatch")
    with pytest.raises(UsageError):
        stage.exchange.book_at(BTC, result.last_update_id)


def empty_snapshot():
    _, result, _ = asked("empty-snapshot")
    assert (result.bids, result.asks) == ([], []) or isinstance(result, MalformedFrameError)


def cached_snapshot():
    stage, result, _ = asked("cached-snapshot", seconds=100.0)
    again = stage.ask()[0].result
    assert again.last_update_id == result.last_update_id


def capped():
    _, result, _ = asked("capped", levels=7)
    assert (len(pairs(result.bids)), len(pairs(result.asks))) == (7, 7)


def unlisted():
    stage, result, _ = asked("unlisted", count=1)
    assert isinstance(result, UnknownSymbolError)
    assert not isinstance(stage.ask()[0].result, UnknownSymbolError)


def slow_rest():
    assert asked("slow-rest", seconds=5.0)[2] > 5.0


def late():
    follower = watched("late", seconds=5.0)
    assert gaps(follower) == []
    lags = [recv_time - orjson.loads(frames[0])["data"]["E"] / 1_000 for recv_time, frames in follower.reads]
    assert 3.0 <= max(lags) < 3.3
    assert lags[-1] < 0.3


def stall():
    follower = watched("stall", seconds=4.0)
    assert gaps(follower) == []
    assert max(len(frames) for _, frames in follower.reads) > 70
    assert max(after[0] - before[0] for before, after in pairwise(follower.reads)) > 3.5


CHECKS = {
    "429": lambda: limited("429", 429),
    "418": lambda: limited("418", 418),
    "429-date": lambda: limited("429-date", 429),
    "418-body": lambda: limited("418-body", 418),
    "403": lambda: limited("403", 403),
    "500": lambda: failed("500"),
    "truncate": lambda: failed("truncate"),
} | {
    check.__name__.replace("_", "-"): check
    for check in (
        *(drop, duplicate, reorder, delay, burst, garbage, wrong_types, cut, reset, half_open, shutdown, expire),
        *(new_ids, closed, unserved, refused_subscribe, too_many_streams, slow_subscribe, lost_subscribe, refuse),
        *(slow_accept, handshake_429, handshake_403, time_out, stale, mismatch, empty_snapshot, cached_snapshot),
        *(capped, unlisted, slow_rest, late, stall),
    )
}


@table("kind", ALL)
def test_every_kind_of_fault_is_seen(kind):
    CHECKS[kind]()


@table("row", ROWS)
def test_the_truth_is_what_the_frames_make_of_a_snapshot(row):
    stage = Stage(row)
    follower = stage.follow(*SYMBOLS, seconds=2.0)
    replies = {symbol: stage.ask(symbol, 1_000)[0] for symbol in SYMBOLS}
    stage.scheduler.run_for(60.0)
    for symbol, reply in replies.items():
        snapshot = reply.result
        bids, asks = ([(str(p), str(q)) for p, q in pairs(side)] for side in (snapshot.bids, snapshot.asks))
        book = Replay({"lastUpdateId": snapshot.last_update_id, "bids": bids, "asks": asks})
        applied = 0
        for event in follower.events(symbol):
            if book.apply(event):
                applied += 1
                if applied % 10:
                    continue
                truth = stage.exchange.book_at(symbol, event["u"], 20)
                assert tuple(side[:20] for side in book.book()) == (truth.bids, truth.asks)
        assert applied > 500
        assert stage.exchange.last_id(symbol) >= event["u"]


def test_weight_is_counted_and_refused_and_the_allowance_learns_it():
    stage = Stage(limits={"weight_per_minute": 12})
    allowance = stage.exchange.allowance()
    stage.scheduler.run_for(5.0)
    reply, _ = stage.ask(within=1.0)
    allowance.note_answer(reply.used_weight, reply.date, reply.sent, reply.received)
    assert (reply.used_weight, allowance.level().used) == (5, 5)
    stage.ask(within=1.0)
    reply, _ = stage.ask(within=1.0)
    assert isinstance(reply.result, RateLimitedError)
    allowance.block_requests(reply.result.retry_after, reply.result.longest)
    wait = allowance.take_weight(5)
    assert 0 < wait <= 60
    stage.scheduler.run_for(wait)
    assert stage.ask(within=1.0)[0].used_weight == 5


def test_a_request_that_is_cut_fails_once_and_not_within_the_call():
    stage, replies = Stage(), []
    request = stage.exchange.depth(stage.market, BTC, 100, replies.append)
    request.cut()
    assert replies == []
    stage.scheduler.run_for(5.0)
    (reply,) = replies
    assert isinstance(reply.result, SnapshotError)


def test_a_run_without_one_fault_is_otherwise_the_same():
    faults = [PlannedFault(3.0, "duplicate", BTC), PlannedFault(6.0, "drop", "ETHUSDT")]
    runs = [Stage(faults=some).follow(*SYMBOLS, seconds=5.9) for some in (faults, faults[:1])]
    assert runs[0].reads == runs[1].reads
    for run in runs:
        run.stage.scheduler.run_for(5.0)
    assert [len(gaps(run, "ETHUSDT")) for run in runs] == [1, 0]
    assert runs[0].events() == runs[1].events()


def test_a_seed_makes_the_same_run_to_the_byte_in_any_process():
    code = "from tests.sim.sim_support import digest; print(digest(5))"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ | {"PYTHONHASHSEED": seed}
        )
        for seed in ("1", "4242")
    ]
    one, two = [process.communicate(timeout=60)[0].decode() for process in processes]
    lines, kinds, _ = one.split()
    assert one == two
    assert int(lines) > 1_000
    assert int(kinds) > 10
    assert digest(6).split()[2] not in one
