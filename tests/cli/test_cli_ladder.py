"""Ladders: the touch in the middle at every size, and what does not fit is left out in a fixed order."""

from decimal import Decimal

from depthactors.book import BookState
from depthactors.cli.ladder import Frame, ladder, shown_levels
from depthactors.cli.styled import cells, plain
from tests.cli.looks import deep, look, view
from tests.support import table

WHY = "ws://127.0.0.1:9/stream: the peer ended the connection, and it was tried again for a long time in vain"


def drawn(seen, width=80, height=24, **choice):
    return [plain(line) for line in ladder(seen, Frame(width=width, height=height, **choice))]


def full(**more):
    return look(deep(event_time=1_000, recv_time=1.034), vouched=83, rate=10.04, **more)


def test_everything_is_shown_where_there_is_room():
    lines = [line.rstrip() for line in drawn(full(), 80, 9, number=2, mark="█")]
    assert lines == [
        "2 ETHBTC spot 100 ms                                                        LIVE",
        "2.2 s old  lag 34 ms  10.0 updates/s  sums 6 / 9  83 vouched for",
        "    100.03         4         9 ██████████████████████████████",
        "    100.02         3         5 ██████████████████████",
        "    100.01         2         2 ███████████████",
        "                      mid 100.005  spread 0.01 (1.00 bps)",
        "    100.00         1         1 ████████",
        "     99.99         2         3 ███████████████",
        "     99.98         3         6 ██████████████████████",
    ]


@table("state", [BookState.LIVE, BookState.STALE])
@table("height", [4, 5, 6, 7, 8, 9, 14, 19, 49])
@table("width", [20, 30, 38, 40, 80, 200])
def test_it_fits_and_the_touch_is_in_the_middle_of_equally_many_levels(width, height, state):
    lines = drawn(look(deep(state=state), WHY), width, height)
    assert len(lines) == height
    assert {cells(line) for line in lines} == {width}
    assert lines[0].startswith("ETHBTC")
    assert lines[0].endswith(state)
    prices = [(line.split() or [""])[0] for line in lines]
    between = prices.index("100.01") + 1
    assert prices[between + 1] == "100.00"
    assert "0.01" in lines[between], "the spread"
    # Behind the name and the facts.
    shown = [float(price) for price in prices[1:] if price.startswith(("99.", "100."))]
    above, below = sum(price > 100 for price in shown), sum(price <= 100 for price in shown)
    assert above == below == shown_levels(look(deep(state=state), WHY), Frame(width=width, height=height))


@table(
    ("width", "head", "row"),
    [
        (44, "2 ETHBTC spot 100 ms", ["100.01", "2", "2", "#"]),
        (30, "2 ETHBTC spot 100 ms", ["100.01", "2", "#"]),
        (22, "2 ETHBTC spot", ["100.01", "2"]),
        (13, "2 ETHBTC", ["100.01", "2"]),
        (11, "ETHBTC", ["100.01", "2"]),
        (8, "...", ["100.01", "2"]),
    ],
)
def test_what_does_not_fit_goes_in_an_order(width, head, row):
    lines = drawn(full(), width, 4, number=2)
    assert lines[0].removesuffix("LIVE").strip() == head
    assert [word.strip("#") or "#" for word in lines[1].split()] == row


def test_facts_go_last_first():
    facts = ["2.2 s old", "lag 34 ms", "10.0 updates/s", "sums 6 / 9", "83 vouched for"]
    for height, count in ((8, 0), (9, 2), (10, 3), (11, 4), (12, 5)):
        text = "\n".join(drawn(full(), 24, height))
        assert [fact in text for fact in facts] == [True] * count + [False] * (5 - count)


def test_the_reason_for_which_a_book_is_not_live_comes_before_facts_and_is_marked_where_it_is_cut():
    seen = look(deep(state=BookState.STALE), WHY)
    lines = drawn(seen, 60, 12)
    reason = WHY.removeprefix("ws://127.0.0.1:9/stream: ")
    assert " ".join(line.strip() for line in lines[1:3]) == reason, "the address is in the log"
    lines = drawn(seen, 60, 9)
    assert lines[1].rstrip().endswith("...")
    assert reason.startswith(lines[1].rstrip()[:-3])


def test_a_live_book_has_no_reason():
    assert WHY not in " ".join(drawn(look(deep(), WHY), 200, 30))


@table(
    ("seen", "words"),
    [
        (look(None, "waits for the first update"), ["ETHBTC spot 100 ms", "waits for the first update"]),
        (look(view(state=BookState.SYNCING)), ["ETHBTC spot 100 ms SYNCING", "waits for its first snapshot"]),
        (look(view(state=BookState.FAILED), "unknown symbol"), ["ETHBTC spot 100 ms FAILED", "unknown symbol"]),
    ],
)
def test_a_book_without_levels_says_why(seen, words):
    assert [" ".join(line.split()) for line in drawn(seen, 60, 6)] == words + [""] * 4


def test_a_book_of_one_side_says_so_in_the_middle():
    lines = [" ".join(line.split()) for line in drawn(look(view(((1.0, 2.0),))), 60, 5)]
    assert lines[3:] == ["no asks", f"1 2 2 {'#' * 29}"]
    assert " ".join(drawn(look(view((), ((1.0, 2.0),))), 60, 5)[3].split()) == "no bids"


def test_a_step_of_the_price_is_named_and_the_touch_stays_exact():
    lines = [line.strip() for line in drawn(full(), 60, 9, step=Decimal("0.1"))]
    assert "steps of 0.1" in " ".join(lines[1:3])
    between = next(place for place, line in enumerate(lines) if "spread" in line)
    assert lines[between] == "mid 100.005  spread 0.01 (1.00 bps)"
    assert [lines[between + offset].split()[:2] for offset in (-1, 1, 2)] == [
        ["100.1", "40"],
        ["100.0", "1"],
        ["99.9", "37"],
    ]


def test_so_many_levels_as_are_chosen():
    lines = drawn(full(), 80, 24, levels=2)
    assert sum(line.strip()[:3] in {"100", "99."} for line in lines) == 4
    assert shown_levels(full(), Frame(width=80, height=24, levels=2)) == 2


def test_what_may_not_be_believed_is_pale():
    for state, styles in ((BookState.LIVE, {"ask", "bid", "", "dim"}), (BookState.STALE, {"", "dim"})):
        lines = ladder(look(deep(state=state)), Frame(width=80, height=9))
        assert {style for line in lines[2:5] + lines[6:] for _, style in line} == styles
