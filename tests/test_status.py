"""The rows of an engine's status."""

import dataclasses
import json

from depthactors.book import BookState
from depthactors.status import BookStatus, EngineStatus
from depthactors.sync import Counters


def test_a_status_becomes_json():
    numbers = dict.fromkeys((field.name for field in dataclasses.fields(BookStatus)), 0)
    status = BookStatus(**numbers | {"symbol": "BTCUSDT", "state": BookState.LIVE, "counters": Counters(diffs=3)})
    row = json.loads(json.dumps(dataclasses.asdict(status)))
    assert (row["state"], row["last_update_id"], row["counters"]["diffs"]) == ("LIVE", 0, 3)


def test_progress_is_the_share_of_live_books():
    row = dict.fromkeys((field.name for field in dataclasses.fields(BookStatus)), 0)
    live, stale = (BookStatus(**row | {"state": state}) for state in (BookState.LIVE, BookState.STALE))
    assert EngineStatus((live, stale, live, live), (), ()).progress == 0.75
    assert EngineStatus((), (), ()).progress == 1.0


def test_a_notebook_shows_a_row_a_book():
    row = dict.fromkeys((field.name for field in dataclasses.fields(BookStatus)), 0)
    live = BookStatus(**row | {"symbol": "BTCUSDT", "state": BookState.LIVE, "error": None})
    stale = BookStatus(**row | {"symbol": "ETHUSDT", "state": BookState.STALE, "error": "a gap <of 3>"})
    html = EngineStatus((live, stale), (), ())._repr_html_()
    assert "1 of 2 books live" in html
    assert "<td>BTCUSDT</td><td>0</td><td>LIVE</td>" in html
    assert "<td>a gap &lt;of 3&gt;</td>" in html
