from hypothesis import example, given
from hypothesis import strategies as st

from depthactors.exchange.shapes.shape import MICROSECOND, MILLISECOND
from depthactors.exchange.streams.path import StreamPath, stream_path
from tests.support import table


@table(
    ("path", "prefix", "combined", "streams"),
    [
        ("/ws", "", False, ()),
        ("/ws/", "", False, ()),
        ("/ws/a@depth", "", False, ("a@depth",)),
        ("/ws/a@depth/b@depth", "", False, ("a@depth", "b@depth")),
        ("/ws/a%40depth", "", False, ("a@depth",)),
        ("/ws/%E5%B8%81@depth", "", False, ("币@depth",)),
        ("/stream", "", True, ()),
        ("/stream?streams=", "", True, ()),
        ("/stream?streams=a@depth/b@depth@100ms", "", True, ("a@depth", "b@depth@100ms")),
        ("/stream?streams=a%40depth%2Fb", "", True, ("a@depth", "b")),
        ("/public/ws", "/public", False, ()),
        ("/public/ws/a@depth", "/public", False, ("a@depth",)),
        ("/public/stream?streams=a@depth", "/public", True, ("a@depth",)),
        ("/market/ws/a@depth", "/market", False, ("a@depth",)),
        ("/market/stream?streams=a@depth", "/market", True, ("a@depth",)),
        ("/private/ws?listenKey=x", "/private", False, ()),
    ],
)
def test_what_a_websocket_path_says(path, prefix, combined, streams):
    assert stream_path(path) == StreamPath(prefix, combined, streams)


@table(
    ("path", "unit"),
    [
        ("/ws/a@depth?timeUnit=MICROSECOND", MICROSECOND),
        ("/ws/a@depth?timeUnit=microsecond", MICROSECOND),
        ("/ws/a@depth&timeUnit=MICROSECOND", MICROSECOND),
        ("/stream?streams=a@depth&timeUnit=MICROSECOND", MICROSECOND),
        ("/stream?timeUnit=microsecond&streams=a@depth", MICROSECOND),
        ("/ws/a@depth?timeUnit=MILLISECOND", MILLISECOND),
        ("/ws/a@depth&timeUnit=millisecond", MILLISECOND),
        ("/ws/a@depth?timeUnit=NANOSECOND", MILLISECOND),
        ("/ws/a@depth", MILLISECOND),
    ],
)
def test_which_unit_of_time_a_path_asks_for(path, unit):
    found = stream_path(path)
    assert (found.streams, found.unit) == (("a@depth",), unit)


@table("path", ["/", "", "/wsx", "/wsx/a", "/streams", "/public", "/publicws", "/x/ws", "/ws-api/v3"])
def test_other_paths_are_no_websockets(path):
    assert stream_path(path) is None


@given(st.text(st.characters(codec="ascii"), max_size=30))
@example("/[")
@example("//[")
def test_no_path_is_an_error(text):
    for path in (text, f"/{text}", f"/ws/{text}", f"/stream?streams={text}"):
        stream_path(path)
