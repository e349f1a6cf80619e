"""A websocket peer that the test plays itself, byte by byte, and a client that remembers what it was told."""

import contextlib
import queue
import socket
import struct
import threading
from base64 import b64encode
from hashlib import sha1

from depthactors.errors import StreamError
from depthactors.net.proxy import parse_proxy
from depthactors.net.rest import RestClient
from depthactors.net.settings import NetworkSettings
from depthactors.net.stream import StreamConnection

TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
PATIENCE = 5.0


def settings(proxy=None, **limits):
    return NetworkSettings(proxy=None if proxy is None else parse_proxy(proxy), **limits)


def rest_client(**limits):
    return RestClient(settings(**limits))


def frame(payload, opcode=TEXT, *, fin=True):
    size = len(payload)
    length = bytes([size]) if size < 126 else struct.pack("!BH" if size < 65536 else "!BQ", 126 + (size > 65535), size)
    return bytes([fin << 7 | opcode]) + length + payload


class Peer:
    """The far end: a listening socket, then one connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/stream"
        self.socket = None

    def accept(self):
        self.socket, _ = self.listener.accept()
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def head(self):
        """Read the head of a request."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.exactly(1)
        return head

    def request(self):
        """Accept a connection and read its upgrade request."""
        self.accept()
        return self.upgrade()

    def upgrade(self):
        """Read an upgrade request; return the answer that grants it."""
        request = self.head()
        key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        digest = sha1(key.split(b": ")[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        return head + b"Sec-WebSocket-Accept: " + b64encode(digest) + b"\r\n\r\n"

    def open(self, *following):
        self.socket_send(self.request(), *following)

    def socket_send(self, *data):
        self.socket.sendall(b"".join(data))

    def exactly(self, size):
        data = b""
        while len(data) < size:
            data += (chunk := self.socket.recv(size - len(data)))
            assert chunk, "the client ended the connection"
        return data

    def read(self):
        """Read one frame of the client, which must be masked."""
        first, second = self.exactly(2)
        assert second & 128
        size = second & 127
        size = size if size < 126 else int.from_bytes(self.exactly(2 if size == 126 else 8), "big")
        mask, data = self.exactly(4), self.exactly(size)
        return first & 15, bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))

    def drip(self, data, over, pause=0.02):
        """Send byte by byte, until the client ends the connection or `over` is set."""
        with contextlib.suppress(OSError):
            for byte in data:
                if over.wait(pause):
                    return
                self.socket.sendall(bytes([byte]))

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Client:
    """A connection and what it told."""

    def __init__(self, url, *, on_open=lambda: None, on_frames=lambda _: None, **limits):
        self.opened, self.batches, self.closed = threading.Event(), queue.Queue(), queue.Queue()
        self.opcodes = []

        def opening():
            self.opened.set()
            on_open()

        def frames(opcode, batch, recv_time):
            self.opcodes.append((opcode, batch))
            self.batches.put((batch, recv_time))
            on_frames(batch)

        self.connection = StreamConnection(
            url,
            settings(**limits),
            on_open=opening,
            on_frames=frames,
            on_close=self.closed.put,
            name="depthactors-test-stream",
        )

    def next(self):
        return self.batches.get(timeout=PATIENCE)

    def frames(self, count):
        frames = []
        while len(frames) < count:
            frames += self.next()[0]
        return frames

    def end(self, timeout=PATIENCE):
        """Wait for the one and only end."""
        error = self.closed.get(timeout=timeout)
        self.connection.thread.join(PATIENCE)
        assert not self.connection.thread.is_alive()
        assert self.closed.empty()
        assert type(error) is StreamError
        return str(error)


@contextlib.contextmanager
def connecting(peer=None, **limits):
    peer = peer or Peer()
    client = Client(limits.pop("url", peer.url), **limits)
    client.connection.start()
    try:
        yield peer, client
    finally:
        client.connection.abort()
        client.connection.thread.join(PATIENCE)
        for end in (peer.listener, peer.socket):
            if end is not None:
                end.close()


@contextlib.contextmanager
def connected(*following, **limits):
    with connecting(**limits) as (peer, client):
        peer.open(*following)
        assert client.opened.wait(PATIENCE)
        yield peer, client


@contextlib.contextmanager
def through(url="ws://exchange.invalid/", **limits):
    """A client whose proxy is the peer."""
    peer = Peer()
    with connecting(peer, url=url, proxy=f"127.0.0.1:{peer.port}", **limits) as ends:
        yield ends


@contextlib.contextmanager
def black_hole():
    """An address where connecting is not answered: its queue is full, and nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield address


def resolving(monkeypatch, *addresses):
    """Have every name stand for these addresses, in this order."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: list(found))


class Relay:
    """A proxy that connects to one target, whatever it is asked for, and carries bytes until it is closed."""

    def __init__(self, target):
        self.target = target
        self.asked = queue.Queue()
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.address = f"127.0.0.1:{self._sockets[0].getsockname()[1]}"
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def close(self):
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in list(self._threads):
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def _serve(self):
        with contextlib.suppress(OSError):
            near, _ = self._sockets[0].accept()
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += near.recv(1)
            far = socket.create_connection(self.target)
            self._sockets += [near, far]
            self.asked.put(head.split(b"\r\n")[0].decode())
            near.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: here\r\n\r\n")
            self._threads.append(threading.Thread(target=self._carry, args=(far, near)))
            self._threads[-1].start()
            self._carry(near, far)

    def _carry(self, source, drain):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                drain.sendall(data)
            drain.shutdown(socket.SHUT_WR)
