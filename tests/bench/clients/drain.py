"""No client: reads the socket and each frame's time, and does nothing else. Where it ends, the generator does."""

import json
import os
import re
import socket
import sys
import threading

from meter import Meter

LARGEST_READ = 1 << 20
TEXT, PING = 1, 9
EVENT = re.compile(rb'"E":(\d+),"s":"(\w+)"')
HANDSHAKE = (
    "GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frames(sock, unread):
    """Return each frame's opcode and payload, as they come."""
    place = 0
    while True:
        while (head := _head(unread, place)) is not None:
            begin, end = head
            if end > len(unread):
                break
            yield unread[place] & 15, unread[begin:end]
            place = end
        data = sock.recv(LARGEST_READ)
        if not data:
            return
        unread, place = unread[place:] + data, 0


def _head(data, place):
    """Return where the payload of the frame at `place` begins and ends; `None` if that is not there yet."""
    if len(data) < place + 10:
        # The shortest frame of an exchange with its head is longer than that.
        return None
    short = data[place + 1]
    size = {126: 2, 127: 8}.get(short, 0)
    begin = place + 2 + size
    return begin, begin + (int.from_bytes(data[place + 2 : begin]) if size else short)


def _send(sock, opcode, payload):
    # The mask of zeros leaves the payload as it is.
    size = bytes([128 | len(payload)]) if len(payload) < 126 else bytes([254]) + len(payload).to_bytes(2)
    sock.sendall(bytes([128 | opcode]) + size + bytes(4) + payload)


def follow(port, symbols, meter):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(HANDSHAKE.format(port).encode())
    reply = b""
    while b"\r\n\r\n" not in reply:
        reply += sock.recv(LARGEST_READ)
    for place in range(0, len(symbols), 200):
        streams = [f"{symbol.lower()}@depth@100ms" for symbol in symbols[place : place + 200]]
        _send(sock, TEXT, json.dumps({"method": "SUBSCRIBE", "params": streams, "id": place}).encode())
    for opcode, payload in frames(sock, reply.partition(b"\r\n\r\n")[2]):
        if opcode == PING:
            _send(sock, PING + 1, payload)
        elif event := EVENT.search(payload):
            meter.saw(event[2].decode(), int(event[1]))


def main(port, *symbols):
    meter = Meter(symbols)
    threading.Thread(target=follow, args=(int(port), symbols, meter), daemon=True).start()
    meter.run()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
