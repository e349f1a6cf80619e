"""The steps of a recording: whatever was lost, repeated or late, a book made of them is the exchange's."""

from decimal import Decimal

import pytest
from export_support import BEGIN, MS, Made, levels, write
from hypothesis import given
from hypothesis import strategies as st

from depthactors.errors import RecordingError
from depthactors.export import steps
from depthactors.export.reader import StepReader
from depthactors.export.steps import Base, Change, Trade
from depthactors.recording.continuity import Gap

CHANGES = st.dictionaries(st.sampled_from([97, 98, 99, 101, 102, 103]), st.integers(0, 3), max_size=3)
TRADE = {"e": "trade", "s": "BTCUSDT", "p": "99.1", "q": "1", "T": 1, "m": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recordings")


@st.composite
def recorded(draw):
    """Draw an exchange, and a recording of it: events that are lost or come twice, snapshots that are early or late."""
    made = Made(draw(st.lists(CHANGES, min_size=1, max_size=14)), chained=draw(st.booleans()))
    messages = []
    for number, event in enumerate(made.events):
        messages += [event] * draw(st.sampled_from([1, 1, 1, 1, 1, 0, 2]))
        if draw(st.integers(0, 3)) == 0:
            last = made.events[min(len(made.events) - 1, max(0, number + draw(st.integers(-3, 1))))]["u"]
            messages.append(made.snapshot(last - draw(st.sampled_from([0, 0, 1]))))
    return made, messages


def books(path):
    """Make a book of the steps; give each step and the book after it."""
    book = {}
    for step in StepReader(path, None, None).steps(trades=True, texts=True):
        if isinstance(step, Base):
            book = {}
            sides = step.line.message["bids"], step.line.message["asks"]
        elif isinstance(step, Change):
            sides = step.line.event["b"], step.line.event["a"]
        else:
            sides = ()
        for price, size in (level for side in sides for level in side):
            book[Decimal(price)] = Decimal(size)
        book = {price: size for price, size in book.items() if size}
        yield step, book


@given(recorded())
def test_a_book_of_the_steps_is_the_exchanges_after_each_step(folder, drawn):
    made, messages = drawn
    path = write(folder / "drawn.gz", messages)
    if not any(message.get("e") for message in messages):
        return
    last_id = known = None
    try:
        for step, book in books(path):
            if isinstance(step, Gap):
                assert last_id is not None
                assert step.from_id == last_id
                last_id = None
                continue
            assert known is None or step.known_ns >= known
            known = step.known_ns
            last_id = step.snapshot.last_update_id if isinstance(step, Base) else step.diff.last_id
            assert book == levels(made.truth[last_id])
    except RecordingError as error:
        assert "expected a snapshot" in str(error)  # noqa: PT017
        return
    # A book at the end has all that was received.
    received = max(message["u"] for message in messages if "u" in message)
    assert last_id is None or last_id >= received


@pytest.mark.parametrize("chained", [False, True])
def test_nothing_is_missing_and_nothing_comes_twice(tmp_path, chained):
    made = Made([{98 + number % 5: number} for number in range(1, 30)], chained=chained)
    messages = [*made.events[:6], made.snapshot(made.events[3]["u"] + chained), *made.events[6:]]
    reader = StepReader(write(tmp_path / "a.gz", messages), None, None)
    base, *changes = reader.steps()
    assert [step.diff.last_id for step in changes] == [event["u"] for event in made.events[4:]]
    assert (base.first, base.is_resumed) == (changes[0].line, False)
    # The two that came before the snapshot are known since it is.
    assert [step.known_ns - base.known_ns for step in changes[:3]] == [0, 0, 1_000_000]
    assert (reader.events, reader.snapshots, reader.gaps) == (25, 1, [])


def test_a_later_snapshot_is_a_new_base_and_what_it_lacks_comes_once_more(tmp_path):
    made = Made([{99: number} for number in range(1, 10)])
    messages = [made.snapshot(10), *made.events[:6], made.snapshot(14), *made.events[6:]]
    kinds = [
        (type(step).__name__, step.diff.last_id if isinstance(step, Change) else step.snapshot.last_update_id)
        for step in StepReader(write(tmp_path / "a.gz", messages), None, None).steps()
    ]
    assert kinds == [
        ("Base", 10),
        *(("Change", number) for number in range(11, 17)),
        ("Base", 14),
        *(("Change", number) for number in (15, 16, 17, 18, 19)),
    ]


def test_a_gap_is_told_with_what_repaired_it(tmp_path):
    made = Made([{99: number} for number in range(1, 10)])
    messages = [made.snapshot(10), *made.events[:3], *made.events[5:7], made.snapshot(16), *made.events[7:]]
    reader = StepReader(write(tmp_path / "a.gz", messages), None, None)
    found = list(reader.steps())
    [gap] = reader.gaps
    assert (gap.from_id, gap.to_id, gap.repaired) == (13, 16, steps.REPAIRED)
    assert gap.why == "expected an event that follows 13, was one that follows 15"
    assert (gap.from_ns - BEGIN * MS, gap.to_ns - BEGIN * MS) == (4 * MS, 7 * MS)
    assert [step.is_resumed for step in found if isinstance(step, Base)] == [False, True]
    assert [step.diff.last_id for step in found if isinstance(step, Change)] == [11, 12, 13, 17, 18, 19]
    assert reader.exported("out", 0).left_out == 1, "event 16, which the snapshot has"


def test_a_gap_that_nothing_repairs_is_the_last_step(tmp_path):
    made = Made([{99: number} for number in range(1, 10)])
    reader = StepReader(write(tmp_path / "a.gz", [made.snapshot(10), *made.events[:3], *made.events[5:]]), None, None)
    last = list(reader.steps())[-1]
    assert (type(last), last.to_id, last.to_ns, last.repaired) == (Gap, None, None, "not repaired")
    assert reader.exported("out", 0).left_out == 4


def test_ids_that_begin_anew_are_a_gap(tmp_path):
    made, later = Made([{99: number} for number in range(1, 10)]), Made([{99: 1}] * 4)
    for event in later.events:
        event["E"] += 1_000
    messages = [made.snapshot(10), *made.events, *later.events[:2], later.snapshot(11), *later.events[2:]]
    reader = StepReader(write(tmp_path / "a.gz", messages), None, None)
    found = [step.diff.last_id for step in reader.steps() if isinstance(step, Change)]
    assert ([gap.why for gap in reader.gaps], found[-4:]) == ([steps.BEGUN_ANEW], [19, 12, 13, 14])


def test_trades_stay_where_they_are(tmp_path):
    made = Made([{99: number} for number in range(1, 4)])
    messages = [TRADE, made.snapshot(10), TRADE, made.events[0], TRADE, made.events[1]]
    path = write(tmp_path / "a.gz", messages)
    kinds = [type(step) for step in StepReader(path, None, None).steps(trades=True)]
    assert kinds == [Trade, Base, Trade, Change, Trade, Change]
    assert Trade not in [type(step) for step in StepReader(path, None, None).steps()]


def test_trades_do_not_pile_up_behind_a_snapshot_of_a_quiet_book(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "KEPT", 3)
    made = Made([{99: 1}])
    path = write(tmp_path / "a.gz", [made.snapshot(10), *[TRADE] * 9, made.events[0]])
    base, *others = StepReader(path, None, None).steps(trades=True)
    assert (base.first, len(others)) == (None, 10)
