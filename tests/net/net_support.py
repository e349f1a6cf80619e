"""A websocket peer that the test plays itself, byte by byte, and a client that remembers what it was told."""

import contextlib
import queue
import socket
import struct
import threading
from base64 import b64encode
from hashlib import sha1

from depthactors.errors import StreamError
from depthactors.net.stream import StreamConnection

TEXT, CONTINUED, CLOSE, PING, PONG = 1, 0, 8, 9, 10
PATIENCE = 5.0


def frame(payload, opcode=TEXT, *, fin=True):
    size = len(payload)
    length = bytes([size]) if size < 126 else struct.pack("!BH" if size < 65536 else "!BQ", 126 + (size > 65535), size)
    return bytes([fin << 7 | opcode]) + length + payload


class Peer:
    """The far end: a listening socket, then one connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}/stream"
        self.socket = None

    def request(self):
        """Accept a connection and read its upgrade request."""
        self.socket, _ = self.listener.accept()
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += self.socket.recv(1)
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

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Client:
    """A connection and what it told."""

    def __init__(self, url, *, on_open=lambda: None, on_frames=lambda _: None, **limits):
        self.opened, self.batches, self.closed = threading.Event(), queue.Queue(), queue.Queue()

        def opening():
            self.opened.set()
            on_open()

        def frames(batch, recv_time):
            self.batches.put((batch, recv_time))
            on_frames(batch)

        self.connection = StreamConnection(
            url, on_open=opening, on_frames=frames, on_close=self.closed.put, name="depthactors-test-stream", **limits
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
def connecting(**limits):
    peer = Peer()
    client = Client(limits.pop("url", peer.url), **limits)
    client.connection.start()
    try:
        yield peer, client
    finally:
        client.connection.close()
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
