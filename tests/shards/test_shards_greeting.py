"""What the greeting compares: every class of the package that is pickled between an engine and its workers."""

import io
import pickle

from depthactors import markets
from depthactors.actors.book_event import BookEvent
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.questions import Top
from depthactors.book import BookState, BookView
from depthactors.errors import RateLimitedError, StreamError
from depthactors.net.allowance import WeightLevel
from depthactors.net.proxy import Proxy
from depthactors.net.settings import NetworkSettings
from depthactors.shards import greeting
from depthactors.shards.messages import AllowanceCall, Answer, Begin, BookChanged, BookOpening, BookQuestion, Follow
from depthactors.status import BookStatus, EngineStatus, PoolStatus, SocketStatus, WorkerStatus
from depthactors.sync import Counters

SPEC = BookSpec(markets.SPOT, "BTCUSDT", 5, 100, None, float)
ROW = BookStatus(
    symbol="BTCUSDT",
    market="spot",
    speed_ms=100,
    state=BookState.LIVE,
    error=None,
    last_update_id=7,
    depth=5,
    age=0.0,
    restarts=0,
    counters=Counters(),
)
STATUS = EngineStatus(
    (ROW,),
    (SocketStatus("s", "spot", True, 1, 1, 0.0, 1, 0, 0, 0, 0, 0, None),),
    (PoolStatus("p", 0, 0, 0.0, 0, 0, 0, 0.0, 0, 0, 0, 0),),
    (WorkerStatus("w", 1, 0.0, 0),),
)
MESSAGES = (
    Begin("w", NetworkSettings(proxy=Proxy("http", "proxy", 80, ("user", "word"))), "/folder", 10),
    Follow((BookOpening(1, 1, SPEC, "book1", True),)),
    BookQuestion(1, 1, Top(5)),
    Answer(1, BookView("BTCUSDT", BookState.LIVE)),
    Answer(2, STATUS),
    Answer(3, WeightLevel(1, 2, 3, 4.0)),
    Answer(4, error=RateLimitedError("not now", status=429, retry_after=1.0, longest=2.0)),
    AllowanceCall(1, markets.SPOT, "take_weight", (1, 0.0)),
    BookChanged(1, 1, BookEvent("BTCUSDT", BookState.LIVE, BookState.STALE, StreamError("gone"))),
)


class Recording(pickle.Unpickler):
    """Unpickles, and remembers the classes of the package."""

    def __init__(self, data):
        super().__init__(io.BytesIO(data))
        self.classes = set()

    def find_class(self, module, name):
        found = super().find_class(module, name)
        if module.startswith("depthactors") and isinstance(found, type):
            self.classes.add(found)
        return found


def classes_of(message):
    unpickler = Recording(pickle.dumps(message))
    assert type(unpickler.load()) is type(message)
    return unpickler.classes


def is_compared(kind):
    """Return whether a change of the class, here of its name, changes the digest."""
    before, name = greeting._digest(), kind.__qualname__
    kind.__qualname__ = "Another"
    try:
        return greeting._digest() != before
    finally:
        kind.__qualname__ = name


def test_every_class_of_a_message_is_compared():
    sent = set().union(*map(classes_of, MESSAGES))
    assert {Proxy, WeightLevel, BookStatus, NetworkSettings} < sent
    assert [kind for kind in sent if not is_compared(kind)] == []


def test_the_fields_of_a_named_tuple_are_compared(monkeypatch):
    before = greeting._digest()
    monkeypatch.setattr(WeightLevel, "_fields", (*WeightLevel._fields, "another"))
    assert greeting._digest() != before
