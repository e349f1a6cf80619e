"""The plainest loop there is: decode and keep each side in a dict, nothing checked and nothing sorted.

It is the work that nobody can avoid, in Python as ours is, so a ratio to it holds on other processors too.
"""

import orjson

DISTRIBUTION = "orjson"


def follow(_market, _symbol, snapshot, *, read=False):
    if read:
        msg = "expected read=False: this loop has no best levels"
        raise ValueError(msg)
    bids, asks = ({float(price): float(size) for price, size in snapshot[side]} for side in ("bids", "asks"))

    def take(frame):
        event = orjson.loads(frame)["data"]
        for price, size in event["b"]:
            bids[float(price)] = float(size)
        for price, size in event["a"]:
            asks[float(price)] = float(size)

    return take
