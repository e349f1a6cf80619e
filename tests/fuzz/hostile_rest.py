"""What a hostile exchange answers to requests for snapshots."""

from __future__ import annotations

import os
import zlib
from email.utils import formatdate
from functools import cache

from tests.fuzz.hostile import Behaviour, Peer, answer, body_of

REST: list[Behaviour] = []
_NEST = b"[" * 1000 + b"]" * 1000
"""As deep as the JSON parser takes it."""


def _part(group: str = "", **options):
    """Add a function to the behaviours."""

    def add(part):
        REST.append(Behaviour(rest=part, group=group, **options))
        return part

    return add


def _snapshot(peer: Peer, **changes) -> bytes:
    return body_of(peer.book.snapshot(peer.book.now()) | changes)


# How it is sent.


@_part("answers")
def endless_body(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.send(b" " * 65536)


@_part("answers")
def endless_chunk(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")
    while True:
        peer.send(b" " * 65536)


@_part("answers", patient=2.2)
def endless_trailers(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    while True:
        peer.send(b"X-More: yes\r\n" * 5000)


@_part("answers", patient=2.2)
def endless_continue(peer: Peer) -> None:
    while True:
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


@_part("answers", patient=2.2)
def dripping_body(peer: Peer) -> None:
    body = _snapshot(peer) + b" " * 1000
    peer.send(answer(b"", Content_Length=str(len(body))))
    peer.drip(body, 0.05)


@_part("answers", patient=2.2)
def dripping_head(peer: Peer) -> None:
    peer.drip(answer(_snapshot(peer), X_More="y" * 1000), 0.05)


@_part("answers", patient=1.2)
def never_answered(peer: Peer) -> None:
    peer.linger()


@_part("answers", patient=1.2)
def length_beyond_the_body(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer), Content_Length="1000000000000"))
    peer.linger()


@_part("answers")
def length_within_the_body(peer: Peer) -> None:
    body = _snapshot(peer)
    peer.send(answer(body, Content_Length=str(len(body) // 2)))


@_part("answers")
def length_below_zero(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer), Content_Length="-5"))


@_part("answers")
def length_in_words(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer), Content_Length="plenty"))


@_part("answers")
def gzip_bomb(peer: Peer) -> None:
    peer.send(answer(_bomb(), Content_Encoding="gzip"))


@cache
def _bomb() -> bytes:
    """Pack 64 MB into some 64 kB."""
    packer = zlib.compressobj(9, wbits=31)
    blanks = b" " * 2**20
    return b"".join(packer.compress(blanks) for _ in range(64)) + packer.flush()


@_part("answers")
def gzip_that_is_none(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer), Content_Encoding="gzip"))


@_part("answers")
def unknown_encoding(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer), Content_Encoding="x" * 10_000))


@_part("answers")
def redirect_to_itself(peer: Peer) -> None:
    peer.send(answer(b"", "302 Found", Location="/api/v3/depth?symbol=BTCUSDT&limit=100"))


@_part("answers")
def garbage_status_line(peer: Peer) -> None:
    peer.send(os.urandom(100_000))


@_part("answers")
def endless_status_line(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 ")
    while True:
        peer.send(b"x" * 65536)


@_part("answers")
def a_thousand_headers(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer), **{f"X_{number}": "y" for number in range(1000)}))


@_part("answers")
def two_answers(peer: Peer) -> None:
    peer.send(answer(b"{}", Connection="keep-alive") + answer(_snapshot(peer)))
    peer.linger()


# What it says.


@_part("snapshots")
def garbage_with_200(peer: Peer) -> None:
    peer.send(answer(os.urandom(100_000)))


@_part("snapshots")
def deep_snapshot(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer).replace(b'"lastUpdateId"', b'"more":' + _NEST + b',"lost"')))


@_part("snapshots")
def deep_error_message(peer: Peer) -> None:
    peer.send(answer(b'{"code":-1000,"msg":' + _NEST + b"}", "500 Oops"))


@_part(patient=1.0, heavy=True)
def millions_of_levels(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer, bids=[["1", "1"]] * 390_000)))


@_part("snapshots")
def nan_prices(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer, bids=[["NaN", "1"], ["100.00", "1"]])))


@_part("snapshots")
def crossed_snapshot(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer, bids=[["102.00", "1"]])))


@_part("snapshots")
def snapshot_of_the_future(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer, lastUpdateId=2**63, bids=[["1.00", "1"]])))


@_part("snapshots")
def snapshot_of_the_past(peer: Peer) -> None:
    peer.send(answer(_snapshot(peer, lastUpdateId=-(2**62), bids=[["1.00", "1"]])))


@_part("snapshots", recovers=False)
def absurd_retry_after(peer: Peer) -> None:
    peer.send(answer(b"{}", "429 Too Many Requests", Retry_After="999999999"))


@_part("snapshots", recovers=False)
def unreadable_retry_after(peer: Peer) -> None:
    peer.send(answer(b"{}", "418 I'm a teapot", Retry_After="-" + "9" * 5000))


@_part("snapshots", recovers=False)
def absurd_weight(peer: Peer) -> None:
    peer.send(answer(b"{}", X_MBX_USED_WEIGHT_1M="999999999"))


@_part("snapshots")
def unreadable_weight(peer: Peer) -> None:
    peer.send(answer(b"{}", X_MBX_USED_WEIGHT_1M="9" * 5000))


@_part(patient=2.0)
def absurd_date(peer: Peer) -> None:
    """Refuse once, in the last year there is; and be of no use in the present one."""
    if peer.number == 1:
        last = "Fri, 31 Dec 9999 23:59:59 GMT"
        peer.send(answer(b"{}", "429 Too Many Requests", Retry_After="1", Date=last))
    peer.send(answer(b"{}", Date=formatdate(usegmt=True)))
