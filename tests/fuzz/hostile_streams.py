"""What a hostile exchange does on its streams."""

from __future__ import annotations

import os
import struct
import zlib
from functools import cache
from itertools import cycle

from tests.fuzz.hostile import (
    BINARY,
    CLOSE,
    CONTINUED,
    PING,
    TEXT,
    Behaviour,
    Peer,
    answer,
    body_of,
    frame,
    head,
    text,
)

STREAMS: list[Behaviour] = []
_NEAR_LIMIT = 4_000_000
"""Bytes, a little less than a message may have."""
_NEST = b"[" * 1000 + b"]" * 1000
"""As deep as the JSON parser takes it."""
_CODES = [struct.pack("!H", code) for code in (0, 65535, 1005, 5000, 1015, 999)]


def _part(group: str = "", **options):
    """Add a function to the behaviours."""

    def add(part):
        STREAMS.append(Behaviour(stream=part, group=group, **options))
        return part

    return add


# The handshake.


@_part("handshakes")
def endless_handshake(peer: Peer) -> None:
    peer.send(peer.accepted())
    while True:
        peer.send(b"X-More: yes\r\n" * 1000)


@_part("handshakes")
def endless_handshake_line(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 101 ")
    while True:
        peer.send(b"x" * 65536)


@_part("handshakes")
def endless_handshake_body(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 1000000000000\r\n\r\n")
    while True:
        peer.send(b"x" * 65536)


@_part("handshakes", patient=1.2)
def handshake_never_answered(peer: Peer) -> None:
    peer.linger()


@_part("handshakes", patient=1.2)
def dripping_handshake(peer: Peer) -> None:
    peer.drip(peer.accepted() + b"X-More: yes\r\n" * 1000, 0.05)


@_part("handshakes")
def garbage_instead_of_http(peer: Peer) -> None:
    peer.send(os.urandom(200_000))


@_part("handshakes")
def redirected_handshake(peer: Peer) -> None:
    peer.send(answer(b"", "302 Found", Location="/stream"))


@_part("handshakes")
def wrong_accept_key(peer: Peer) -> None:
    peer.send(peer.accepted().replace(b"Accept: ", b"Accept: x") + b"\r\n")


@_part()
def illegal_cookie(peer: Peer) -> None:
    _serve(peer, Set_Cookie="a,b=c; domain=127.0.0.1")


@_part("handshakes")
def cut_after_the_handshake(peer: Peer) -> None:
    peer.shake_hands()


# Framing.


@_part("frames")
def huge_length(peer: Peer) -> None:
    peer.subscribed()
    peer.send(head(TEXT, 2**62))
    while True:
        peer.send(b"x" * 65536)


@_part("frames", patient=1.2)
def largest_length_and_silence(peer: Peer) -> None:
    peer.subscribed()
    peer.send(head(TEXT, 2**64 - 1))
    peer.linger()


@_part("frames")
def endless_fragments(peer: Peer) -> None:
    peer.subscribed()
    peer.send(frame(b"{", fin=False))
    while True:
        peer.send(frame(b" " * 60_000, CONTINUED, fin=False))


@_part(patient=1.0)
def endless_tiny_fragments(peer: Peer) -> None:
    """Show life between the fragments."""
    peer.subscribed()
    peer.send(frame(b"{", fin=False))
    while True:
        peer.send(frame(b" ", CONTINUED, fin=False) * 5000 + frame(b"", PING))


@_part("frames", patient=1.2)
def endless_empty_fragments(peer: Peer) -> None:
    peer.subscribed()
    peer.send(frame(b"{", fin=False))
    while True:
        peer.send(frame(b"", CONTINUED, fin=False) * 5000)


@_part("frames", patient=1.2)
def dripping_bytes(peer: Peer) -> None:
    peer.subscribed()
    peer.drip(frame(b"{" + b" " * 10_000 + b"}"), 0.02)


@_part("frames", patient=1.2)
def half_a_frame(peer: Peer) -> None:
    peer.subscribed()
    peer.send(frame(b"{}" * 100)[:-1])
    peer.linger()


@_part("floods")
def ping_flood(peer: Peer) -> None:
    peer.subscribed()
    peer.send(frame(b"x" * 125, PING) * 10_000)
    peer.linger()


@_part("floods", patient=1.2)
def ping_flood_with_answers_unread(peer: Peer) -> None:
    peer.subscribed()
    while True:
        peer.send(frame(b"x" * 125, PING) * 1000)


@_part("frames")
def long_ping(peer: Peer) -> None:
    peer.subscribed()
    peer.send(frame(b"x" * 60_000, PING))
    peer.linger()


@_part("frames")
def odd_close_codes(peer: Peer) -> None:
    peer.subscribed()
    peer.send(frame(_CODES[peer.number % len(_CODES)] + b"\xff", CLOSE))
    peer.linger()


@_part("frames")
def reserved_opcode(peer: Peer) -> None:
    peer.subscribed()
    peer.send(frame(b"{}", 3))
    peer.linger()


@_part("frames")
def compressed_frames(peer: Peer) -> None:
    packer = zlib.compressobj(wbits=-15)
    _serve(
        peer,
        lambda body: frame(packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH)[:-4], reserved=4),
        Sec_WebSocket_Extensions="permessage-deflate",
    )


@_part("frames")
def masked_frames(peer: Peer) -> None:
    mask = b"\x01\x02\x03\x04"

    def masked(body: bytes) -> bytes:
        return head(TEXT, len(body), masked=True) + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(body))

    _serve(peer, masked)


@_part("frames")
def binary_frames(peer: Peer) -> None:
    _serve(peer, lambda body: frame(body, BINARY))


# What is in the frames.


@_part("events")
def invalid_utf8(peer: Peer) -> None:
    _serve(peer, lambda body: frame(body.replace(b"depthUpdate", b"\xff\xfe\xed\xa0\x80")))


@_part("events")
def deep_json(peer: Peer) -> None:
    _serve(peer, lambda _: frame(b"[" * 100_000))


@_part("nests")
def deep_symbol(peer: Peer) -> None:
    _serve(peer, lambda body: frame(body.replace(b'"BTCUSDT"', _NEST)))


@_part("nests")
def deep_error(peer: Peer) -> None:
    _serve(peer, lambda _: frame(b'{"error":' + _NEST + b"}"))


@_part("nests")
def deep_stream_name(peer: Peer) -> None:
    _serve(peer, lambda _: frame(b'{"stream":' + _NEST + b"}"))


@_part(patient=0.7, heavy=True)
def frames_near_the_limit(peer: Peer) -> None:
    stream = peer.subscribed()
    for _ in range(3):
        event = body_of({"stream": stream, "data": peer.book.event(peer.book.now())})
        body = event.replace(b'"b":[', b'"b":[' + _many_levels())
        peer.send(head(TEXT, len(body)), body)
    peer.linger()


@cache
def _many_levels() -> bytes:
    """Spell levels far from the touch, hundreds of thousands of them."""
    return "".join(f'["{1 + number / 100_000:.5f}","1"],' for number in range(_NEAR_LIMIT // 17)).encode()


@_part("events")
def odd_prices(peer: Peer) -> None:
    texts = cycle(["-1", "NaN", "Infinity", "-Infinity", "0", "1e400", "1e-400", "", "100.0000000000000001", "0x1"])
    _serve(peer, change=lambda event: event["b"].append([next(texts), "1"]))


@_part("events")
def odd_quantities(peer: Peer) -> None:
    texts = cycle(["-1", "NaN", "Infinity", "-Infinity", "1e400", "", "0x1"])
    _serve(peer, change=lambda event: event["b"].append(["99.00", next(texts)]))


@_part("events")
def numbers_instead_of_texts(peer: Peer) -> None:
    _serve(peer, change=lambda event: event["a"].append([102.5, 1]))


@_part("events")
def crossed_book(peer: Peer) -> None:
    _serve(peer, change=lambda event: event["b"].append(["102.00", "1"]))


@_part("events")
def ids_going_backwards(peer: Peer) -> None:
    start = 2 * (peer.book.now() + 10_000)
    _serve(peer, change=lambda event: event.update(U=start - event["u"], u=start - event["u"]))


@_part("events", first=2**63)
def ids_of_64_bits(peer: Peer) -> None:
    _serve(peer)


@_part("events", first=2**64)
def ids_beyond_64_bits(peer: Peer) -> None:
    _serve(peer)


# Floods, and what is said of requests.


@_part("events", patient=1.0)
def never_acknowledged(peer: Peer) -> None:
    peer.requested()
    while True:
        peer.send(frame(b"", PING))
        peer.frames()


@_part("events")
def refused(peer: Peer) -> None:
    message = peer.requested()
    peer.send(text({"error": {"code": 2, "msg": "Invalid request: unknown variant"}, "id": message["id"]}))
    peer.linger()


@_part("floods")
def flood_of_replies(peer: Peer) -> None:
    _flood(peer, {"result": None, "id": 99})


@_part("floods")
def flood_of_error_replies(peer: Peer) -> None:
    _flood(peer, {"error": {"code": 3, "msg": "Invalid JSON"}, "id": None})


@_part("floods")
def flood_of_shutdowns(peer: Peer) -> None:
    _flood(peer, {"e": "serverShutdown", "E": 1})


@_part("floods")
def flood_of_strangers(peer: Peer) -> None:
    _flood(peer, {"stream": "ethusdt@depth@100ms", "data": {}})


@_part("floods of events")
def flood_of_old_events(peer: Peer) -> None:
    _flood(peer, {"stream": "btcusdt@depth@100ms", "data": peer.book.event(1)})


@_part("floods of events")
def flood_of_bad_events(peer: Peer) -> None:
    _flood(peer, {"stream": "btcusdt@depth@100ms", "data": peer.book.event(1) | {"b": [["nan", "1"]]}})


def _flood(peer: Peer, message: object) -> None:
    """Say the same as often as it goes."""
    peer.subscribed()
    while True:
        peer.send(text(message) * 1000)


def _serve(peer: Peer, spell=frame, change=lambda _event: None, **headers: str) -> None:
    """Serve the honest book, changed and spelt as the part wants it."""
    stream = peer.subscribed(**headers)
    sent = peer.book.now()
    while True:
        peer.frames()
        while sent < peer.book.now():
            sent += 1
            event = peer.book.event(sent)
            change(event)
            peer.send(spell(body_of({"stream": stream, "data": event})))
