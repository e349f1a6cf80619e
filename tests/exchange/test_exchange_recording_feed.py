import json
from decimal import Decimal

import pytest
from exchange_support import (
    CAPTURES,
    SPOT_EVENTS,
    SPOT_FINAL_ASKS,
    SPOT_FINAL_BIDS,
    SPOT_SNAPSHOT,
    enveloped,
    futures_event,
    needs_captures,
    snapshot,
    spot_event,
    spot_messages,
    write_recording,
)

from depthactors import markets, recording
from depthactors.errors import RecordingError, UsageError
from depthactors.exchange.recording_feed import RecordingFeed


def steps(feed):
    """Play a feed to its end and yield what each step gave."""
    while feed.due() is not None:
        yield feed.step()


def levels(side):
    return [list(level) for level in side]


def test_events_come_whole_and_in_order(spot_file):
    feed = RecordingFeed(spot_file)
    assert (feed.symbol, feed.market) == ("BTCUSDT", markets.SPOT)
    assert [json.loads(payload) for payload in steps(feed) if payload] == SPOT_EVENTS


def test_due_is_recorded_time(spot_file):
    feed = RecordingFeed(spot_file)
    dues = []
    while (due := feed.due()) is not None:
        dues.append(due)
        feed.step()
    assert dues == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert feed.step() is None


def test_depth_is_the_recorded_snapshot_until_its_line_and_the_feeds_book_after_it(spot_file):
    feed = RecordingFeed(spot_file)
    shown = [feed.depth(2)]
    for _ in steps(feed):
        shown.append(feed.depth(2))  # noqa: PERF401 - the step comes first
    assert [depth.last_update_id for depth in shown] == [100, 100, 100, 102, 103, 110, 111]
    assert levels(shown[2].bids) == SPOT_SNAPSHOT["bids"][:2]
    # The event before the snapshot's line that already follows it is in the book as soon as the line is passed.
    assert levels(shown[3].bids) == [["100.00", "2.0"], ["99.00", "3.0"]]
    assert levels(shown[3].asks) == [["102.00", "2.0"]]
    assert levels(shown[-1].bids) == SPOT_FINAL_BIDS
    assert levels(shown[-1].asks) == SPOT_FINAL_ASKS


def test_book_at_every_id(spot_file):
    feed = RecordingFeed(spot_file)
    list(steps(feed))
    assert [len(feed.book_at(each).bids) for each in (100, 102, 103, 110, 111)] == [3, 3, 3, 3, 2]
    assert feed.book_at(102).bids[0] == (Decimal(100), Decimal(2))
    with pytest.raises(UsageError):
        feed.book_at(95)


def test_futures_apply_the_event_that_ends_at_the_snapshots_id(tmp_path):
    messages = [
        futures_event(80, 85, 99, bids=[("1", "1")]),
        snapshot(120, [("10", "1")], [("11", "1")], E=7, T=6),
        futures_event(99, 105, 120, bids=[("9", "2")]),
        futures_event(120, 150, 160, bids=[("8", "3")]),
    ]
    feed = RecordingFeed(write_recording(tmp_path / "ethusdt.gz", messages))
    assert feed.market is markets.USDM
    list(steps(feed))
    assert feed.depth(5).bids == [("10", "1"), ("9", "2"), ("8", "3")]
    assert feed.depth(5).last_update_id == 160


def test_snapshot_in_a_hole_between_events_bridges(tmp_path):
    messages = [
        snapshot(130, [("10", "1")], [("11", "1")]),
        futures_event(120, 150, 160, bids=[("8", "3")]),
    ]
    feed = RecordingFeed(write_recording(tmp_path / "ethusdt.gz", messages))
    list(steps(feed))
    assert feed.depth(5).bids == [("10", "1"), ("8", "3")]


def test_snapshot_too_old_for_the_first_event_is_passed_over(tmp_path):
    messages = [snapshot(50, [("1", "1")], []), *spot_messages()]
    feed = RecordingFeed(write_recording(tmp_path / "btcusdt.gz", messages))
    assert feed.depth(5).last_update_id == 100


def gap_messages():
    return [
        *spot_messages(),
        spot_event(200, 210, bids=[("50.00", "1.0")]),
        snapshot(215, [("60.00", "6.0")], [("61.00", "1.0")]),
        spot_event(211, 220, bids=[("60.00", "7.0")]),
    ]


def test_after_a_gap_the_next_snapshot_takes_over(tmp_path):
    feed = RecordingFeed(write_recording(tmp_path / "btcusdt.gz", gap_messages()))
    served = [payload for payload in steps(feed) if payload]
    assert len(served) == 7
    assert feed.depth(5).bids == [("60.00", "7.0")]
    assert feed.book_at(111).last_update_id == 111
    assert feed.book_at(215).bids == ((Decimal(60), Decimal(6)),)


def test_snapshot_recorded_before_the_event_that_shows_the_gap_takes_over(tmp_path):
    messages = [*spot_messages(), snapshot(199, [("60.00", "6.0")], []), spot_event(200, 210, bids=[("50.00", "1.0")])]
    feed = RecordingFeed(write_recording(tmp_path / "btcusdt.gz", messages))
    list(steps(feed))
    assert feed.depth(5).bids == [("60.00", "6.0"), ("50.00", "1.0")]


def test_gap_without_a_further_snapshot_is_warned_of_and_the_events_go_on(tmp_path, caplog):
    messages = [*spot_messages(), spot_event(200, 210, bids=[("50.00", "1.0")])]
    feed = RecordingFeed(write_recording(tmp_path / "btcusdt.gz", messages))
    assert len([payload for payload in steps(feed) if payload]) == 6
    assert feed.depth(5).last_update_id == 111
    assert "gap in line 7" in caplog.text


def test_other_streams_of_the_recording_are_left_out(tmp_path):
    others = [
        {"stream": "btcusdt@bookTicker", "data": {"u": 1, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}},
        {"stream": "btcusdt@depth@1000ms", "data": spot_event(96, 111)},
    ]
    messages = [*spot_messages()[:3], *others, *spot_messages()[3:]]
    feed = RecordingFeed(write_recording(tmp_path / "btcusdt.gz", messages))
    assert [json.loads(payload) for payload in steps(feed) if payload] == SPOT_EVENTS


def test_market_given_beats_the_guess(spot_file):
    assert RecordingFeed(spot_file, market="us").market is markets.US


@pytest.mark.parametrize(
    ("messages", "cause"),
    [
        ([SPOT_SNAPSHOT], "expected a depth event, was none"),
        (SPOT_EVENTS, "expected a REST depth reply with lastUpdateId >= 89, was none"),
        ([snapshot(50, [], []), *SPOT_EVENTS], "lastUpdateId >= 89"),
        ([{"lastUpdateId": 100}, *SPOT_EVENTS], "KeyError"),
    ],
)
def test_recording_that_cannot_be_played_is_refused(tmp_path, messages, cause):
    path = write_recording(tmp_path / "btcusdt.gz", messages)
    with pytest.raises(RecordingError, match=cause):
        RecordingFeed(path)


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (enveloped(spot_event(112, 113, symbol="ETHUSDT")) | {"stream": "btcusdt@depth@100ms"}, "BTCUSDT only"),
        (spot_event(112, 113, bids=[("abc", "1")]), "depth event or snapshot of spot"),
        (spot_event(112, 113, bids=["7"]), "depth event or snapshot of spot"),
    ],
)
def test_broken_line_names_its_place(tmp_path, broken, cause):
    feed = RecordingFeed(write_recording(tmp_path / "btcusdt.gz", [*spot_messages(), broken]))
    with pytest.raises(RecordingError, match=cause) as caught:
        list(steps(feed))
    assert caught.value.line == 7


def test_missing_file_is_told(tmp_path):
    with pytest.raises(RecordingError, match="nothing-here"):
        RecordingFeed(tmp_path / "nothing-here.gz")


@pytest.mark.parametrize("speed", [0, -1.0, float("nan")])
def test_speed_must_be_above_zero(spot_file, speed):
    with pytest.raises(UsageError, match="speed above zero"):
        RecordingFeed(spot_file, speed=speed)


def test_close_ends_the_feed_but_not_its_book(spot_file):
    feed = RecordingFeed(spot_file)
    feed.step()
    feed.step()
    feed.close()
    feed.close()
    assert feed.due() is None
    assert feed.book_at(102).last_update_id == 102


# Checks that differ because a REST snapshot caught a quantity that no later event corrected.
KNOWN_TO_DIFFER = {"btcusd_perp": Decimal("60581.1"), "btcusd_210924": Decimal("68632.0")}


@needs_captures
@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*/*/*.gz")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_best_levels_equal_the_recorded_tickers(path):
    tickers = {line.event["u"]: line.event for line in recording.read(path) if line.is_ticker}
    feed = RecordingFeed(path, market="us" if "us-" in path.parent.name else None)
    checked = 0
    for payload in steps(feed):
        ticker = tickers.get(json.loads(payload)["u"]) if payload and feed._base is None else None
        if ticker is None or feed._ledger.last_id != ticker["u"] or checked == 300:
            continue
        checked += 1
        depth = feed.depth(1)
        for (price, quantity), keys in ((depth.bids[0], "bB"), (depth.asks[0], "aA")):
            if Decimal(price) == KNOWN_TO_DIFFER.get(path.stem) and "20210417" in path.parent.name:
                continue
            assert (Decimal(price), Decimal(quantity)) == tuple(Decimal(ticker[key]) for key in keys)
