"""A hostile exchange on the loopback interface: each connection plays the part that the test has chosen.

`hostile_streams` and `hostile_rest` have the parts; here are the server, and the part of an honest exchange.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from email.utils import formatdate
from hashlib import sha1
from itertools import count

CONTINUED, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PACE = 0.02
"""Seconds between two updates, and between two looks at the socket."""
_LONGEST_HEAD = 16 * 1024


class Over(Exception):  # noqa: N818 - no error: it ends a part
    """The client has gone, or the test wants another part."""


class ClockBook:
    """A book that its update id tells: a bid at 100 and an ask at 101, of as many as the id."""

    def __init__(self, first: int = 1) -> None:
        self._first = first
        self._begun = time.monotonic()

    def now(self) -> int:
        """Return the present id; it grows by one at each `PACE`."""
        return self._first + int((time.monotonic() - self._begun) / PACE)

    @staticmethod
    def event(update_id: int, **changes) -> dict:
        """Return the diff that ends at this id."""
        levels = {"b": [["100.00", str(update_id)]], "a": [["101.00", str(update_id)]]}
        ids = {"U": update_id, "u": update_id}
        return {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", **ids, **levels, **changes}

    @staticmethod
    def snapshot(update_id: int, **changes) -> dict:
        """Return the REST reply that shows this id."""
        bids, asks = [["100.00", str(update_id)]], [["101.00", str(update_id)]]
        return {"lastUpdateId": update_id, "bids": bids, "asks": asks, **changes}

    @staticmethod
    def fault_of(view) -> str | None:
        """Tell what is wrong with a view that says LIVE: its touch, its order, or a number that is none."""
        size = Decimal(view.last_update_id)
        if (view.best_bid, view.best_ask) != ((Decimal(100), size), (Decimal(101), size)):
            return f"expected {size} at 100 and 101, was {view!r}"
        for prices in ([price for price, _ in view.bids], [-price for price, _ in view.asks]):
            if prices != sorted(set(prices), reverse=True):
                return f"expected prices in order, was {prices}"
        if not all(price > 0 and quantity > 0 for price, quantity in view.bids + view.asks):
            return f"expected numbers above zero, was {view.bids + view.asks}"
        return None


def head(opcode: int, size: int, *, fin: bool = True, reserved: int = 0, masked: bool = False) -> bytes:
    """Spell a websocket frame's head; the size is what it claims."""
    first, mask = bytes([fin << 7 | reserved << 4 | opcode]), masked << 7
    if size < 126:
        return first + bytes([mask | size])
    return first + (struct.pack("!BH", mask | 126, size) if size < 65536 else struct.pack("!BQ", mask | 127, size))


def frame(payload: bytes, opcode: int = TEXT, **options) -> bytes:
    """Spell a whole frame."""
    return head(opcode, len(payload), **options) + payload


def body_of(message: object) -> bytes:
    """Spell JSON as the exchange does, without blanks."""
    return json.dumps(message, separators=(",", ":")).encode()


def text(message: object) -> bytes:
    """Spell a frame of JSON."""
    return frame(body_of(message))


class Peer:
    """One connection of the client: the request that it came with, and the means to answer it.

    Attributes:
        request: the head of it.
        book: what an honest exchange would show.
        number: of the connection, counted from 0.
    """

    def __init__(self, sock: socket.socket, request: bytes, book: ClockBook, over: threading.Event, number: int):
        self.request = request
        self.book = book
        self.number = number
        self._socket = sock
        self._over = over
        self._unread = bytearray()

    def send(self, *parts: bytes) -> None:
        """Send all of it, however slowly it is taken."""
        for part in parts:
            left = memoryview(part)
            while left:
                self._check()
                try:
                    left = left[self._socket.send(left) :]
                except TimeoutError:
                    continue
                except OSError as error:
                    raise Over from error

    def drip(self, data: bytes, seconds: float) -> None:
        """Send byte by byte."""
        for byte in data:
            self.send(bytes([byte]))
            self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Let some time pass, unless the test has had enough."""
        if self._over.wait(seconds):
            raise Over

    def linger(self) -> None:
        """Take all that the client sends, and answer nothing, until it goes."""
        while True:
            self._receive()
            self._unread.clear()

    def shake_hands(self, **headers: str) -> None:
        """Accept the upgrade."""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.send(self.accepted() + more.encode() + b"\r\n")

    def accepted(self) -> bytes:
        """Spell the answer that accepts the upgrade, without its end."""
        lines = self.request.split(b"\r\n")
        key = next(line.partition(b":")[2].strip() for line in lines if line.lower().startswith(b"sec-websocket-key"))
        digest = b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        return upgrade + b"Sec-WebSocket-Accept: " + digest + b"\r\n"

    def requested(self, **headers: str) -> dict:
        """Shake hands and wait for the first control message."""
        self.shake_hands(**headers)
        while True:
            for opcode, payload in self.frames():
                if opcode == TEXT:
                    return json.loads(payload)

    def subscribed(self, **headers: str) -> str:
        """Shake hands, acknowledge the first control message, and return the stream it asks for."""
        message = self.requested(**headers)
        self.send(text({"result": None, "id": message["id"]}))
        return message["params"][0]

    def frames(self):
        """Return the client's frames that have arrived; waits a moment for the first byte."""
        self._receive()
        found, data = [], self._unread
        while len(data) >= 6:
            size, start = data[1] & 127, 2
            if size >= 126:
                start = 4 if size == 126 else 10
                size = int.from_bytes(data[2:start], "big")
            if len(data) < start + 4 + size:
                break
            mask, payload = data[start : start + 4], data[start + 4 : start + 4 + size]
            found.append((data[0] & 15, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))))
            del data[: start + 4 + size]
        return found

    def _receive(self) -> None:
        self._check()
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return
        except OSError as error:
            raise Over from error
        if not data:
            raise Over
        self._unread += data

    def _check(self) -> None:
        if self._over.is_set():
            raise Over


Part = Callable[[Peer], None]


def serve_stream(peer: Peer) -> None:
    """Be an honest exchange's stream."""
    peer.shake_hands()
    stream, sent = "", 0
    while True:
        for opcode, payload in peer.frames():
            if opcode == PING:
                peer.send(frame(payload, PONG))
            elif opcode == CLOSE:
                peer.send(frame(payload, CLOSE))
                return
            elif opcode == TEXT:
                message = json.loads(payload)
                peer.send(text({"result": None, "id": message["id"]}))
                stream = message["params"][0] if message["method"] == "SUBSCRIBE" else ""
                sent = peer.book.now()
        while stream and sent < peer.book.now():
            sent += 1
            peer.send(text({"stream": stream, "data": peer.book.event(sent)}))


def serve_depth(peer: Peer) -> None:
    """Be an honest exchange's REST interface."""
    peer.send(answer(body_of(peer.book.snapshot(peer.book.now())), Date=formatdate(usegmt=True)))


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """Spell an HTTP answer that ends its connection."""
    named = {"Content-Length": str(len(body)), "Connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass(frozen=True)
class Behaviour:
    """What a hostile exchange does, for a while.

    Attributes:
        stream, rest: the part of each kind of connection.
        group: those with the same one are played at the same time, by an exchange each; alone without one.
        patient: seconds that it takes to be seen through.
        heavy: what it sends is some 100 MB while it is parsed, so that memory is looked at only afterwards.
        recovers: a book can be live soon after it.
        first: id of the book while it lasts.
    """

    stream: Part = serve_stream
    rest: Part = serve_depth
    group: str = ""
    patient: float = 0.0
    heavy: bool = False
    recovers: bool = True
    first: int = 1

    @property
    def name(self) -> str:
        """The part that is hostile."""
        return (self.rest if self.stream is serve_stream else self.stream).__name__


class HostileExchange:
    """The server; a thread a connection, all of them ended by `close`.

    Attributes:
        url: REST and streams.
        book: what it would show if it were honest.
        played: the hostile parts that were played to their end.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self.book = ClockBook(behaviour.first)
        self.played: list[Part] = []
        self._behaviour = behaviour
        self._phase_over = threading.Event()
        self._closing = False
        self._numbers = count()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PACE)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def behave(self) -> None:
        """Be honest from now on; hostile connections end."""
        before, self._phase_over = self._phase_over, threading.Event()
        if self._behaviour.first != 1:
            self.book = ClockBook()
        self._behaviour = Behaviour()
        before.set()

    def close(self) -> None:
        """End everything."""
        self._closing = True
        self._phase_over.set()
        for thread in list(self._threads):
            thread.join(5)
        self._listener.close()
        left = [thread for thread in self._threads if thread.is_alive()]
        assert not left, f"expected the hostile exchange to end, was at {left}"

    def _start(self, function, *arguments) -> None:
        thread = threading.Thread(target=function, args=arguments, name="hostile", daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                sock, _ = self._listener.accept()
                sock.settimeout(PACE)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._start(self._play, sock, self._behaviour, self._phase_over)

    def _play(self, sock: socket.socket, behaviour: Behaviour, over: threading.Event) -> None:
        with contextlib.suppress(Over), contextlib.closing(sock):
            request = _head_of(sock, over)
            peer = Peer(sock, request, self.book, over, next(self._numbers))
            part = behaviour.stream if b"upgrade: websocket" in request.lower() else behaviour.rest
            try:
                part(peer)
            finally:
                if part not in {serve_stream, serve_depth}:
                    self.played.append(part)


def _head_of(sock: socket.socket, over: threading.Event) -> bytes:
    """Read a request up to the empty line."""
    data = b""
    while b"\r\n\r\n" not in data:
        if over.is_set() or len(data) > _LONGEST_HEAD:
            raise Over
        try:
            piece = sock.recv(4096)
        except TimeoutError:
            continue
        except OSError as error:
            raise Over from error
        if not piece:
            raise Over
        data += piece
    return data
