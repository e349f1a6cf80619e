"""Books as lines: one a book and second, whatever there is to see of it."""

from depthactors.book import BookState, BookView
from depthactors.cli.showing import show
from tests.cli.looks import Still, look
from tests.support import table


def view(state, bids=(), asks=()):
    had_data = bool(bids or asks)
    return BookView("ETHBTC", state, last_update_id=7, recv_time=float(had_data), age=2.25, bids=bids, asks=asks)


@table(
    ("answer", "line"),
    [
        (
            (view(BookState.LIVE, ((1.5, 2.0),), ((2.5, 1.0),)), None),
            "ETHBTC LIVE 1.5 / 2.5  2.2 s old, spot 100 ms",
        ),
        ((view(BookState.SYNCING), "no network"), "ETHBTC SYNCING no levels, spot 100 ms: no network"),
        ((view(BookState.STALE, ((1.5, 2.0),)), None), "ETHBTC STALE no levels  2.2 s old, spot 100 ms"),
        ((None, "waits for the first update"), "ETHBTC waits for the first update"),
    ],
    ids=["live", "never had data", "one-sided", "none"],
)
def test_a_line_has_state_touch_and_age_and_what_is_to_be_said(capsys, answer, line):
    book = Still(look(*answer))
    show([book, book], 0.01, levels=8)
    assert capsys.readouterr().out == f"{line}\n" * 2
    assert book.asked == [1, 1], "a line needs one level"


def test_without_a_standard_output_nothing_is_shown_and_nothing_raised(monkeypatch):
    book = Still(look(None, "waits"))
    monkeypatch.setattr("sys.stdout", None)
    show([book], 0.01, levels=8)
    assert book.asked
