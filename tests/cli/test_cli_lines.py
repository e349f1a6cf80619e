import csv
import io
import json

from depthactors.book import BookState, BookView
from depthactors.cli.lines import COLUMNS, as_csv, as_json
from tests.cli.looks import Still, look

EMPTY = BookView("ETHBTC", BookState.SYNCING)


def cells(line):
    [row] = csv.reader(io.StringIO(line))
    assert len(row) == len(COLUMNS)
    return dict(zip(COLUMNS, row, strict=True))


def test_a_book_that_is_not_shown_is_its_note_alone():
    missing = Still(look(None, 'is not shown: "x", gone'))
    assert json.loads(as_json(missing, 5)) == {"symbol": "ETHBTC", "note": 'is not shown: "x", gone'}
    row = cells(as_csv(missing, 5))
    assert {name: value for name, value in row.items() if value} == {
        "symbol": "ETHBTC",
        "note": 'is not shown: "x", gone',
    }


def test_a_book_without_levels_has_empty_cells():
    row = cells(as_csv(Still(look(EMPTY)), 5))
    assert [row[name] for name in ("state", "bid", "bid_quantity", "ask", "ask_quantity")] == [
        "SYNCING",
        "",
        "",
        "",
        "",
    ]
    fields = json.loads(as_json(Still(look(EMPTY)), 5))
    assert (fields["bids"], fields["asks"], fields["note"]) == ([], [], "spot 100 ms")
