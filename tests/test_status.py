"""The rows of an engine's status."""

import dataclasses
import json

from depthactors.actors.rows import BookStatus
from depthactors.book import BookState
from depthactors.sync import Counters


def test_a_status_becomes_json():
    numbers = dict.fromkeys((field.name for field in dataclasses.fields(BookStatus)), 0)
    status = BookStatus(**numbers | {"symbol": "BTCUSDT", "state": BookState.LIVE, "counters": Counters(diffs=3)})
    row = json.loads(json.dumps(dataclasses.asdict(status)))
    assert (row["state"], row["last_update_id"], row["counters"]["diffs"]) == ("LIVE", 0, 3)
