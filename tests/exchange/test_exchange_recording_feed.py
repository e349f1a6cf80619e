import json
from decimal import Decimal
from itertools import pairwise

import pytest

from depthactors import markets, recording
from depthactors.errors import RecordingError, UsageError
from depthactors.exchange.feeds.recording_feed import RecordingFeed
from tests.exchange.exchange_support import (
    CAPTURES,
    SPOT_EVENTS,
    SPOT_FINAL_ASKS,
    SPOT_FINAL_BIDS,
    SPOT_SNAPSHOT,
    Replay,
    futures_event,
    needs_captures,
    snapshot,
    spot_event,
    spot_messages,
    write_recording,
)
from tests.support import table

SMALL_FILE = 200_000


def steps(feed):
    """Play a feed to its end and yield each step."""
    while feed.due() is not None:
        yield feed.step(tickers=False)


def ticks(feed):
    return [step.event for step in steps(feed) if step.event is not None]


def events(feed):
    return [tick.decoded() for tick in ticks(feed)]


def ticker(update_id, bid="100.00", ask="101.00", symbol="BTCUSDT"):
    event = {"u": update_id, "s": symbol, "b": bid, "B": "1.0", "a": ask, "A": "1.0"}
    return {"stream": f"{symbol.lower()}@bookTicker", "data": event}


def levels(side):
    return [list(level) for level in side]


def file_of(tmp_path, messages, **options):
    return write_recording(tmp_path / "recording.gz", messages, **options)


# Once through the file.


def test_events_come_whole_and_in_order(spot_file):
    feed = RecordingFeed(spot_file)
    assert (feed.symbol, feed.market) == ("BTCUSDT", markets.SPOT)
    assert events(feed) == SPOT_EVENTS


def test_a_tick_shows_what_its_event_tells(tmp_path):
    spot, *_ = ticks(RecordingFeed(file_of(tmp_path, spot_messages())))
    assert (spot.first_id, spot.last_id, spot.previous_id) == (90, 95, 89)
    assert spot.time_us == SPOT_EVENTS[0]["E"] * 1_000
    path = write_recording(tmp_path / "ethusdt.gz", futures_messages())
    futures, *_ = ticks(RecordingFeed(path))
    assert (futures.first_id, futures.last_id, futures.previous_id) == (85, 99, 80)


def test_the_events_bytes_are_those_that_were_recorded(spot_file):
    assert [tick.payload for tick in ticks(RecordingFeed(spot_file))] == [
        json.dumps(event, separators=(",", ":")).encode() for event in SPOT_EVENTS
    ]


def test_each_line_is_due_at_its_recorded_time(spot_file):
    feed = RecordingFeed(spot_file)
    dues = []
    while (due := feed.due()) is not None:
        dues.append(due)
        feed.step(tickers=False)
    assert dues == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert feed.step(tickers=False).event is None


def test_rest_shows_the_recorded_snapshot_until_its_line_and_the_feeds_book_after_it(spot_file):
    feed = RecordingFeed(spot_file)
    shown = [feed.snapshot(2)]
    for _ in steps(feed):
        shown.append(feed.snapshot(2))  # noqa: PERF401 - the step comes first
    assert [depth.last_update_id for depth in shown] == [100, 100, 100, 102, 103, 110, 111]
    assert levels(shown[2].bids) == SPOT_SNAPSHOT["bids"][:2]
    # The event before the snapshot's line that already follows it is in the book as soon as the line is passed.
    assert levels(shown[3].bids) == [["100.00", "2.0"], ["99.00", "3.0"]]
    assert levels(shown[3].asks) == [["102.00", "2.0"]]
    assert levels(shown[-1].bids) == SPOT_FINAL_BIDS
    assert levels(shown[-1].asks) == SPOT_FINAL_ASKS


def test_partial_streams_see_the_book_of_the_last_event(spot_file):
    feed = RecordingFeed(spot_file)
    for step in steps(feed):
        if step.event is not None and step.event.last_id > 100:
            assert feed.present(1).last_update_id == step.event.last_id
    assert feed.present(1).bids == [("99.50", "7.5")]


def test_the_book_at_every_id_is_a_replays(spot_file):
    feed = RecordingFeed(spot_file)
    book = Replay(SPOT_SNAPSHOT)
    for event in events(feed):
        if book.apply(event):
            truth = feed.book_at(event["u"])
            assert (truth.symbol, truth.bids, truth.asks) == ("BTCUSDT", *book.book())
    assert feed.book_at(100).bids[0] == (Decimal(100), Decimal(1))
    with pytest.raises(UsageError):
        feed.book_at(95)


def futures_messages():
    return [
        futures_event(80, 85, 99, bids=[("1", "1")]),
        snapshot(120, [("10", "1")], [("11", "1")], E=7, T=6),
        futures_event(99, 105, 120, bids=[("10", "1")]),
        futures_event(120, 150, 160, bids=[("8", "3")]),
        futures_event(160, 161, 190, bids=[("10", "0.000")], asks=[("11", "2")]),
    ]


def test_futures_apply_the_event_that_ends_at_the_snapshots_id(tmp_path):
    messages = futures_messages()
    messages[2]["b"] = [["9", "2"]]
    feed = RecordingFeed(file_of(tmp_path, messages))
    assert feed.market is markets.USDM
    list(steps(feed))
    assert feed.present(5).bids == [("9", "2"), ("8", "3")]
    assert feed.present(5).last_update_id == 190


def test_a_snapshot_in_a_hole_between_events_bridges(tmp_path):
    messages = [snapshot(130, [("10", "1")], [("11", "1")]), futures_event(120, 150, 160, bids=[("8", "3")])]
    feed = RecordingFeed(file_of(tmp_path, messages))
    list(steps(feed))
    assert feed.present(5).bids == [("10", "1"), ("8", "3")]


def test_a_snapshot_too_old_for_the_first_event_is_passed_over(tmp_path):
    feed = RecordingFeed(file_of(tmp_path, [snapshot(50, [("1", "1")], []), *spot_messages()]))
    assert feed.snapshot(5).last_update_id == 100


def test_stale_is_the_oldest_book(spot_file):
    feed = RecordingFeed(spot_file)
    list(steps(feed))
    assert feed.stale(1).last_update_id == 100
    assert levels(feed.stale(1).bids) == SPOT_SNAPSHOT["bids"][:1]


def gap_messages():
    return [
        *spot_messages(),
        spot_event(200, 210, bids=[("50.00", "1.0")]),
        snapshot(215, [("60.00", "6.0")], [("61.00", "1.0")]),
        spot_event(211, 220, bids=[("60.00", "7.0")]),
    ]


def test_after_a_gap_the_next_snapshot_takes_over(tmp_path):
    feed = RecordingFeed(file_of(tmp_path, gap_messages()))
    assert len(events(feed)) == 7
    assert feed.present(5).bids == [("60.00", "7.0")]
    assert feed.book_at(111).last_update_id == 111
    assert feed.book_at(215).bids == ((Decimal(60), Decimal(6)),)


def test_a_snapshot_recorded_before_the_event_that_shows_the_gap_takes_over(tmp_path):
    messages = [*spot_messages(), snapshot(199, [("60.00", "6.0")], []), spot_event(200, 210, bids=[("50.00", "1.0")])]
    feed = RecordingFeed(file_of(tmp_path, messages))
    list(steps(feed))
    assert feed.present(5).bids == [("60.00", "6.0"), ("50.00", "1.0")]


def test_a_gap_without_a_further_snapshot_is_warned_of_and_the_events_go_on(tmp_path, caplog):
    messages = [*spot_messages(), spot_event(200, 210, bids=[("50.00", "1.0")])]
    feed = RecordingFeed(file_of(tmp_path, messages))
    assert len(events(feed)) == 6
    assert feed.present(5).last_update_id == 111
    assert "gap in line 7" in caplog.text


def test_other_streams_of_the_recording_are_left_out(tmp_path):
    others = [
        {"stream": "btcusdt@depth@1000ms", "data": spot_event(96, 111)},
        {"stream": "btcusdt@trade", "data": {"e": "trade", "E": 1, "s": "BTCUSDT", "p": "1", "q": "1"}},
    ]
    messages = [*spot_messages()[:3], *others, *spot_messages()[3:]]
    assert events(RecordingFeed(file_of(tmp_path, messages))) == SPOT_EVENTS


def test_booktickers_are_replayed_in_their_place_when_asked_for(tmp_path):
    messages = [*spot_messages()[:4], ticker(103, bid="100.00"), ticker(104, bid="99.00"), *spot_messages()[4:]]
    feed = RecordingFeed(file_of(tmp_path, messages))
    seen = []
    while feed.due() is not None:
        step = feed.step(tickers=True)
        seen += [step.event.last_id] if step.event else [json.loads(payload) for payload in step.tickers]
    assert seen == [95, 102, 103, ticker(103)["data"], ticker(104, bid="99.00")["data"], 110, 111]


def test_booktickers_are_left_out_without_a_listener(tmp_path):
    feed = RecordingFeed(file_of(tmp_path, [*spot_messages(), ticker(111)]))
    assert not any(step.tickers for step in steps(feed))


def test_a_market_that_is_given_beats_the_guess(spot_file):
    assert RecordingFeed(spot_file, market="us").market is markets.US


@table(
    ("messages", "cause"),
    [
        ([SPOT_SNAPSHOT], "expected a depth event, was none"),
        (SPOT_EVENTS, "expected a REST depth reply with lastUpdateId >= 89, was none"),
        ([SPOT_EVENTS[0], snapshot(80, [], [])], "lastUpdateId >= 89"),
        ([SPOT_SNAPSHOT, {"e": "depthUpdate", "s": "BTCUSDT"}], "expected a depth event or snapshot of spot"),
    ],
)
def test_a_recording_that_cannot_be_played_says_why(tmp_path, messages, cause):
    with pytest.raises(RecordingError, match=cause):
        RecordingFeed(file_of(tmp_path, messages))


@table(
    ("message", "cause"),
    [
        (spot_event(112, 113, bids=["?"]), "was b'"),
        (spot_event(112, 113, bids=[("x", "1")]), "expected a depth event"),
        (spot_event(112, 113, symbol="ETHUSDT"), "expected events of BTCUSDT only, was one of 'ETHUSDT'"),
    ],
)
def test_a_broken_line_is_named_when_it_is_reached(tmp_path, message, cause):
    line = {"stream": "btcusdt@depth@100ms", "data": message}
    feed = RecordingFeed(file_of(tmp_path, [*spot_messages(), line]))
    with pytest.raises(RecordingError, match=cause) as raised:
        list(steps(feed))
    assert "recording.gz:7" in str(raised.value)


def test_a_broken_feed_shows_no_book_any_more(tmp_path):
    line = {"stream": "btcusdt@depth@100ms", "data": spot_event(112, 113, bids=["?"])}
    feed = RecordingFeed(file_of(tmp_path, [*spot_messages(), line]))
    assert feed.snapshot(5).last_update_id == 100
    with pytest.raises(RecordingError):
        list(steps(feed))
    with pytest.raises(RecordingError, match=r"recording\.gz:7"):
        feed.snapshot(5)
    assert feed.book_at(111).bids, "the truth up to there stays"


@pytest.mark.parametrize("loop", [False, True])
def test_a_recording_that_is_cut_ends_with_its_last_whole_line(tmp_path, caplog, loop):
    path = file_of(tmp_path, [*spot_messages(), spot_event(112, 112)])
    whole = [event["u"] for event in events(RecordingFeed(path))]
    content = path.read_bytes()
    # The last line's own bytes are at the end, before eight of checks.
    path.write_bytes(content[:-10])
    feed = RecordingFeed(path, loop=loop)
    played = [feed.step(tickers=False).event for _ in range(9)] if loop else ticks(feed)
    cut = [tick.last_id for tick in played if tick is not None]
    assert cut[: len(whole) - 1] == whole[:-1]
    assert (len(cut) >= len(whole)) is loop, "in a loop it goes on"
    assert [record.levelname for record in caplog.records if "cut short" in record.getMessage()] == ["WARNING"]
    assert feed.snapshot(5).bids


def test_a_missing_file_is_a_recording_error(tmp_path):
    with pytest.raises(RecordingError, match=r"nowhere\.gz"):
        RecordingFeed(tmp_path / "nowhere.gz")


@table("speed", [0, -1.0, float("nan")])
def test_a_speed_that_is_not_above_zero_is_refused(spot_file, speed):
    with pytest.raises(UsageError, match=f"speed above zero or None, was {speed!r}"):
        RecordingFeed(spot_file, speed=speed)


def test_close_ends_the_feed_but_not_its_book(spot_file):
    feed = RecordingFeed(spot_file)
    feed.step(tickers=False)
    feed.step(tickers=False)
    feed.close()
    feed.close()
    assert feed.due() is None
    assert feed.book_at(102).last_update_id == 102


# In a loop.


def rounds(feed, count):
    """Return the first `count` events of a feed in a loop."""
    played = []
    while len(played) < count:
        step = feed.step(tickers=False)
        if step.event is not None:
            played.append(step.event)
    return played


def follow(book, feed, played, chained):
    """Check over all rounds: ids chain, times never step back, and books are those of a replay; return these."""
    books = []
    for before, tick in pairwise([None, *played]):
        event = tick.decoded()
        assert (event["U"], event["u"], event["E"] * 1_000) == (tick.first_id, tick.last_id, tick.time_us)
        if before is not None:
            assert tick.previous_id == before.last_id
            assert event["pu" if chained else "U"] == (before.last_id if chained else before.last_id + 1)
            for name in {"E", "T"} & event.keys():
                assert event[name] >= before.decoded()[name]
        book.apply(event)
        books.append(book.book())
    for number in {*range(0, len(played), max(1, len(played) // 30)), len(played) - 1}:
        if played[number].last_id > feed.stale(1).last_update_id:
            truth = feed.book_at(played[number].last_id)
            assert (truth.bids, truth.asks) == books[number]
    return books


@pytest.mark.parametrize(
    ("messages", "first", "chained"),
    [(spot_messages(), SPOT_SNAPSHOT, False), (futures_messages(), futures_messages()[1], True)],
    ids=["spot", "futures"],
)
def test_a_loop_goes_on_without_a_gap_and_every_round_has_the_same_books(tmp_path, messages, first, chained):
    feed = RecordingFeed(file_of(tmp_path, messages), loop=True)
    recorded = [message for message in messages if "e" in message]
    old = sum(event["u"] <= first["lastUpdateId"] for event in recorded)
    lap = len(recorded) - old + 1
    played = rounds(feed, len(recorded) + 3 * lap)
    books = follow(Replay(first), feed, played, chained)
    assert books[old : len(recorded) + 1] * 3 == books[len(recorded) + 1 - lap : len(recorded) + 1 + 2 * lap]
    for turn in range(len(recorded), len(played), lap):
        assert books[turn] == Replay(first).book()
        truth = feed.book_at(played[turn].last_id)
        assert (truth.bids, truth.asks) == Replay(first).book()


def test_the_end_of_a_round_is_an_additional_event_of_what_differs(spot_file):
    *_, turn = rounds(RecordingFeed(spot_file, loop=True), len(SPOT_EVENTS) + 1)
    event = turn.decoded()
    assert list(event) == ["e", "E", "s", "U", "u", "b", "a"]
    assert (event["e"], event["s"], event["U"]) == ("depthUpdate", "BTCUSDT", 112)
    assert event["b"] == [["100.00", "1.0"], ["99.50", "0.0"], ["98.00", "5.0"]]
    assert event["a"] == [["101.00", "1.0"], ["101.50", "0.0"]]
    assert event["E"] > SPOT_EVENTS[-1]["E"]


def test_a_round_takes_its_recorded_time_and_the_pauses_around_its_end(spot_file):
    feed = RecordingFeed(spot_file, loop=True)
    dues = []
    for _ in range(15):
        dues.append(feed.due())
        feed.step(tickers=False)
    assert dues == pytest.approx([number / 10 for number in range(15)], abs=2e-3)


def test_snapshots_of_every_round_bridge(spot_file):
    feed = RecordingFeed(spot_file, loop=True)
    while feed.present(1).last_update_id < 300:
        book = feed.snapshot(100)
        replay = Replay({"lastUpdateId": book.last_update_id, "bids": book.bids, "asks": book.asks})
        step = feed.step(tickers=False)
        if step.event is not None and step.number > len(spot_messages()):
            assert replay.apply(step.event.decoded())
            truth = feed.book_at(step.event.last_id)
            assert replay.book() == (truth.bids, truth.asks)


def test_steps_are_numbered_through_all_rounds(spot_file):
    feed = RecordingFeed(spot_file, loop=True)
    assert [feed.step(tickers=False).number for _ in range(20)] == list(range(1, 21))


def test_times_go_on_where_lines_were_received_late(tmp_path):
    # By the exchange's clock the events are two seconds apart, by the receiver's a millisecond.
    messages = spot_messages()
    for number, message in enumerate(messages):
        if "E" in message:
            messages[number] = message | {"E": 1_700_000_000_000 + 2_000 * number}
    feed = RecordingFeed(file_of(tmp_path, messages, interval_ns=1_000_000), loop=True)
    times = [tick.time_us for tick in rounds(feed, 20)]
    assert times == sorted(times)


def test_in_a_loop_a_gap_comes_back_in_each_round_and_so_does_the_snapshot_after_it(tmp_path):
    feed = RecordingFeed(file_of(tmp_path, gap_messages()), loop=True)
    played = rounds(feed, 7 + 2 * 7)
    assert all(later.last_id > before.last_id for before, later in pairwise(played))
    gaps = [number for number, (before, tick) in enumerate(pairwise(played)) if tick.first_id > before.last_id + 1]
    assert gaps == [4, 11, 18]
    assert feed.book_at(played[6].last_id).bids == feed.book_at(played[13].last_id).bids == ((Decimal(60), Decimal(7)),)
    assert feed.book_at(played[7].last_id).bids == feed.book_at(played[14].last_id).bids == feed.book_at(100).bids


def test_in_a_loop_ids_go_on_after_a_gap_that_no_snapshot_bridged(tmp_path):
    messages = [*spot_messages(), spot_event(200, 210, bids=[("50.00", "1.0")])]
    played = rounds(RecordingFeed(file_of(tmp_path, messages), loop=True), 20)
    assert all(later.last_id > before.last_id for before, later in pairwise(played))


def test_booktickers_of_every_round_show_the_best_of_the_book_with_their_id(tmp_path):
    messages = [
        *spot_messages()[:4],
        ticker(103, ask="101.50"),
        *spot_messages()[4:],
        ticker(111, bid="99.50", ask="101.50"),
    ]
    feed = RecordingFeed(file_of(tmp_path, messages), loop=True)
    tickers = [json.loads(payload) for _ in range(40) for payload in feed.step(tickers=True).tickers]
    assert len(tickers) > 6
    for event in tickers:
        truth = feed.book_at(event["u"])
        assert (Decimal(event["b"]), Decimal(event["a"])) == (truth.bids[0][0], truth.asks[0][0])


def test_booktickers_never_step_back_at_the_end_of_a_round(tmp_path):
    # As recorders write them: tickers come before the first depth event, too.
    messages = [ticker(80), ticker(95), *spot_messages(), ticker(111)]
    feed = RecordingFeed(file_of(tmp_path, messages), loop=True)
    ids = [json.loads(payload)["u"] for _ in range(40) for payload in feed.step(tickers=True).tickers]
    assert ids == sorted(ids)


def test_a_loop_ends_when_it_is_closed(spot_file):
    feed = RecordingFeed(spot_file, loop=True)
    played = rounds(feed, 12)
    feed.close()
    assert feed.book_at(played[-1].last_id).last_update_id == played[-1].last_id


SMALL = [path for path in sorted(CAPTURES.glob("*/*/*.gz")) if path.stat().st_size < SMALL_FILE]


def one_a_market(paths):
    """Return the paths, of which all but the smallest one of each market are for a full run."""
    smallest = {path.parents[1]: path for path in sorted(paths, key=lambda path: -path.stat().st_size)}
    return [path if path in smallest.values() else pytest.param(path, marks=pytest.mark.full) for path in paths]


@needs_captures
@pytest.mark.parametrize("path", one_a_market(SMALL), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_real_recording_goes_round_without_a_gap(path):
    feed = RecordingFeed(path, market="us" if "us-" in path.parent.name else None, loop=True)
    lines = list(recording.read(path))
    first = next(line.message for line in lines if line.is_snapshot)
    stream = next(line.message.get("stream") for line in lines if line.is_diff)
    recorded = [line.event for line in lines if line.is_diff and line.message.get("stream") == stream]
    lap = sum(event["u"] > first["lastUpdateId"] for event in recorded) + 1
    played = rounds(feed, len(recorded) + 1 + 2 * lap)
    books = follow(Replay(first), feed, played, chained=feed.market.sequencing is markets.Sequencing.CHAINED)
    for turn in range(len(recorded), len(played), lap):
        assert books[turn] == Replay(first).book()


# Checks that differ because a REST snapshot caught a quantity that no later event corrected.
KNOWN_TO_DIFFER = {"btcusd_perp": Decimal("60581.1"), "btcusd_210924": Decimal("68632.0")}


def test_real_books_have_the_best_levels_of_the_recorded_tickers(capture):
    tickers = {}
    feed = RecordingFeed(capture, market="us" if "us-" in capture.parent.name else None)
    checked, played = 0, 0
    while feed.due() is not None and checked < 300 and played < 20_000:
        played += 1
        step = feed.step(tickers=True)
        tickers |= {event["u"]: event for event in map(json.loads, step.tickers)}
        event = tickers.get(step.event.last_id) if step.event is not None else None
        if event is None or feed.snapshot(1).last_update_id != event["u"]:
            continue
        checked += 1
        depth = feed.present(1)
        for (price, quantity), keys in ((depth.bids[0], "bB"), (depth.asks[0], "aA")):
            if Decimal(price) == KNOWN_TO_DIFFER.get(capture.stem) and "20210417" in capture.parent.name:
                continue
            assert (Decimal(price), Decimal(quantity)) == tuple(Decimal(event[key]) for key in keys)
