"""Actors that record, and servers with knobs, for the tests of the actors."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pykka
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from depthactors import binance, markets
from depthactors.actors.base import EngineActor
from depthactors.actors.book import BookActor
from depthactors.actors.book_messages import Greet, StreamUp
from depthactors.actors.book_spec import BookSpec
from depthactors.actors.cell import Listener
from depthactors.actors.local_cell import LocalCell
from depthactors.actors.questions import Status
from depthactors.actors.snapshot_messages import SnapshotArrived, SnapshotWanted
from depthactors.book import BookState
from depthactors.dispatcher.gate import Gate
from depthactors.dispatcher.mailbox import Frames, mailbox_of
from depthactors.pacing import USUAL, Timing
from tests.support import PATIENCE, Recorder, flat, until


class Probe(EngineActor):
    """Stands for any actor: it records its messages in their order."""

    def __init__(self, dispatcher, record, name="probe"):
        super().__init__(name, None, dispatcher)
        self._record = record

    def handle(self, message):
        if isinstance(message, _Hold):
            message.entered.set()
            message.leave.wait(PATIENCE)
        else:
            self._record(message)


class _Hold:
    def __init__(self):
        # The other actors go on at once while a probe waits at a gate.
        self.entered, self.leave = threading.Event(), Gate()


def hold(ref):
    """Keep a probe busy; returns what lets it go on."""
    message = _Hold()
    ref.tell(message)
    assert message.entered.wait(PATIENCE)
    return message.leave.set


class Host(pykka.ThreadingActor):
    """An actor of the host program, which nothing of ours may harm."""

    use_daemon_thread = True

    def on_receive(self, message):
        return message


class Actors:
    """Starts actors in a dispatcher, and ends every one of them, their threads included."""

    def __init__(self, dispatcher):
        self.dispatcher = dispatcher
        self._refs = []

    def start(self, kind, *arguments, **options):
        self._refs.append(kind.start(*arguments, **options))
        return self._refs[-1]

    def probe(self, name="probe"):
        """Start a probe; returns it and its record."""
        record = Recorder()
        return self.start(Probe, self.dispatcher, record, name), record

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for ref in self._refs:
            ref.stop(block=False)
            join(ref)
        # Should a supervisor have left children behind, no other test shall suffer for it.
        for ref in [ref for ref in pykka.ActorRegistry.get_all() if issubclass(ref.actor_class, EngineActor)]:
            ref.stop(block=False)
            join(ref)


def join(ref, timeout=PATIENCE):
    """Wait for the end of an actor of ours, and of its threads; fails if one stays."""
    deadline = time.monotonic() + timeout
    for ending in getattr(ref.actor_inbox, "endings", ()):
        ending.join(max(0.0, deadline - time.monotonic()))
        assert not ending.is_alive(), f"{ending.name} is still running"


def usual(**changes):
    """Return the timing of programs, but with short waits before snapshots are requested."""
    quick = Timing.fast()
    waits = {name: getattr(quick, name) for name in ("snapshot_backoff", "short_backoff")}
    # Diffs come by hand here: no busy exchange is late with the first one.
    return replace(USUAL, **{"snapshot_patience": 0.02} | waits | changes)


def market_at(server, **changes):
    return replace(markets.SPOT.at(server.url), **changes)


def spec(market=markets.SPOT, symbol="BTCUSDT", depth=10, speed_ms=100, refresh_interval=None, number=float):
    return BookSpec(market, symbol, depth, speed_ms, refresh_interval, number)


def frame(first, last, bids=(), asks=(), symbol="BTCUSDT", suffix="@depth@100ms"):
    """Spell a spot depth event as the combined stream does."""
    event = {"e": "depthUpdate", "E": last, "s": symbol, "U": first, "u": last, "b": list(bids), "a": list(asks)}
    return json.dumps({"stream": f"{symbol.lower()}{suffix}", "data": event}, separators=(",", ":")).encode()


class FakeMailbox:
    """Stands for an actor's mailbox: it notes the timers, and its time is what the test sets.

    Attributes:
        time: what `now` returns.
        timers: `(message, seconds)` of each timer, in the order in which they were set.
    """

    def __init__(self):
        self.time, self.timers, self.helpers, self.waiting_frames = 1_000.0, [], (), 0

    def now(self):
        return self.time

    def random(self):
        return random.random()

    def after(self, seconds, message):
        self.timers.append((message, seconds))

    def timers_of(self, kind):
        """Return `(message, seconds)` of the timers of a kind."""
        return [each for each in self.timers if isinstance(each[0], kind)]


class FakeStreams:
    """A websocket server that acknowledges what it is asked for, unless `on_request` makes another reply, or none.

    Attributes:
        requests: each control message, as `(connection, time, message)`; connections count from 0.
        refuse: answer handshakes with 503, or as a dict says: `status`, and `retry_after` in a header.
        handshakes: the times at which handshakes came, refused ones too.
    """

    def __init__(self):
        self.requests = Recorder()
        self.refuse = False
        self.on_request = self.acknowledge
        self.handshakes = Recorder()
        self.connections = []
        self._server = serve(self._talk, "127.0.0.1", 0, process_request=self._greet, close_timeout=0.2)
        self.url = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="fake-streams")
        self._thread.start()

    @staticmethod
    def acknowledge(_connection, message):
        return {"result": None, "id": message["id"]}

    def send(self, data):
        self.connections[-1].send(data if isinstance(data, str) else data.decode())

    def cut(self, number=-1):
        self.connections[number].close_socket()

    def subscribed(self, connection=None):
        """Return the streams of all SUBSCRIBE requests so far, of one connection or of all."""
        found = [each for each in list(self.requests.seen) if each[2]["method"] == "SUBSCRIBE"]
        return [stream for number, _, each in found if connection in {None, number} for stream in each["params"]]

    def close(self):
        self._server.shutdown()
        self._thread.join(PATIENCE)

    def _greet(self, connection, _request):
        self.handshakes(time.monotonic())
        if not self.refuse:
            return None
        told = self.refuse if isinstance(self.refuse, dict) else {}
        response = connection.respond(told.get("status", HTTPStatus.SERVICE_UNAVAILABLE), "busy\n")
        if "retry_after" in told:
            response.headers["Retry-After"] = told["retry_after"]
        return response

    def _talk(self, connection):
        number = len(self.connections)
        self.connections.append(connection)
        try:
            for text in connection:
                message = json.loads(text)
                self.requests((number, time.monotonic(), message))
                reply = self.on_request(number, message)
                if reply is not None:
                    connection.send(json.dumps(reply))
        except ConnectionClosed:
            pass


class FakeRest:
    """A REST server whose answers `on_request` makes: `(status, headers, body)` of symbol and limit.

    `requests` records `(time, symbol, limit)` of each.
    """

    def __init__(self):
        self.requests = Recorder()
        self.on_request = self.snapshot
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                query = parse_qs(urlsplit(self.path).query)
                symbol, limit = query["symbol"][0], int(query["limit"][0])
                outer.requests((time.time(), symbol, limit))
                status, headers, body = outer.on_request(symbol, limit)
                data = json.dumps(body).encode()
                # Without a Date: the minutes of the exchange are those of the test's clock.
                self.send_response_only(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                """A client that ended its request is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="fake-rest")
        self._thread.start()

    @staticmethod
    def snapshot(_symbol, _limit):
        return 200, {}, {"lastUpdateId": 100, "bids": [["99.00", "1.0"]], "asks": [["101.00", "1.0"]]}

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)


class BookScene:
    """A book between a supervisor, a snapshot actor and a listener, all of which only record."""

    def __init__(self, actors, timing=None, **changes):
        self.supervisor, self.reported = actors.probe(name="supervisor")
        self.snapshots, self.requests = actors.probe(name="snapshots")
        self.cell = LocalCell(spec(**changes), timing or usual(), actors.dispatcher)
        self.ref = actors.start(BookActor, "book-BTCUSDT", self.cell, self.snapshots, self.supervisor)
        self.updates, self.events = Recorder(), Recorder()
        self.listen(self.updates, self.events)

    def set_timing(self, **changes):
        """Let the book work by other durations from now on."""
        self.cell.timing = replace(self.cell.timing, **changes)

    def listen(self, update=None, event=None):
        """Add a listener that is given the ids of updates; returns it."""
        listener = Listener(update and (lambda book: update(book.last_update_id)), event)
        self.cell.add(listener)
        self.ref.tell(Greet(listener))
        return listener

    def send(self, message):
        """Tell in the order of the stream."""
        mailbox_of(self.ref).put_ordered(message)

    def frames(self, *frames, epoch=1, age=0.0):
        mailbox_of(self.ref).put_frames(Frames(epoch, list(frames), time.time() - age))

    def request(self, number):
        """Return the request of that number, counted from 1."""
        return self.requests.wait(SnapshotWanted, number)[-1]

    def arrive(self, epoch=1, **shape):
        self.send(SnapshotArrived(epoch, snapshot(**shape), time.time()))

    def go_live(self, **shape):
        self.send(StreamUp(1))
        self.request(1)
        self.arrive(**shape)
        until(lambda: self.settled().state is BookState.LIVE)

    def changes(self):
        """Return the changes of state that the listener heard of."""
        return [(each.previous, each.state) for each in list(self.events.seen) if each.previous is not each.state]

    def settled(self):
        """Return the status once all that was sent before is handled."""
        until(mailbox_of(self.ref).empty)
        return self.ref.ask(Status(), timeout=5)


def snapshot(last_id=100, levels=30, limit=100, quantity=1.0, best_bid=1099.0):
    """Bids from `best_bid` down, asks from 1101 up; with `levels` below `limit` each side is whole."""
    bids = flat((best_bid - number, quantity) for number in range(levels))
    asks = flat((1101.0 + number, quantity) for number in range(levels))
    return binance.Snapshot(last_id, 0, limit, (2, 1), bids, asks)
