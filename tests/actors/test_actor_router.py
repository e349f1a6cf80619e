"""The router: each book gets its stream's frames, in bulk, in order, and told what happened in between."""

import json
import threading

import pytest

from depthactors import binance
from depthactors.actors.book_messages import FramesLost, StreamDown, StreamUp
from depthactors.actors.receivers import Receivers
from depthactors.actors.router import Router
from depthactors.actors.socket_messages import (
    Acknowledged,
    ConnectionEnded,
    FrameRejected,
    Opened,
    RequestRefused,
    ShutdownAnnounced,
)
from depthactors.actors.subscriptions import Subscriptions
from depthactors.dispatcher.guarded import Guarded
from depthactors.dispatcher.mailbox import FRAME_LIMIT, Frames, mailbox_of
from depthactors.errors import MalformedFrameError, StreamError
from tests.actors.actor_support import frame, hold
from tests.support import PATIENCE

EPOCH = 7
BTC, ETH = b"btcusdt@depth@100ms", b"ethusdt@depth@100ms"
END = StreamError("the end")
ACCEPTED = b'{"result":null,"id":1}'
REFUSED = b'{"error":{"code":2,"msg":"Invalid request"},"id":1}'


def btc(number):
    return frame(number, number)


def eth(number):
    return frame(number, number, symbol="ETHUSDT")


class Scene:
    """A router between an owner and two books."""

    def __init__(self, actors):
        self.owner, self.told = actors.probe(name="owner")
        self.btc, self.btc_told = actors.probe(name="btc")
        self.eth, self.eth_told = actors.probe(name="eth")
        self.receivers = Receivers()
        self.receivers.put(BTC, self.btc)
        self.receivers.put(ETH, self.eth)
        self.subscriptions = Subscriptions()
        self.guarded = Guarded(self.subscriptions)
        self.router = self.new_router()

    def new_router(self, *, notify_failure=True, predecessor=None):
        return Router(
            EPOCH, self.owner, self.receivers, self.guarded, notify_failure=notify_failure, predecessor=predecessor
        )

    def route(self, *frames):
        self.router.route(binance.TEXT, list(frames), 1.5)

    def request(self, *streams, number=1):
        """Have a SUBSCRIBE of these sent."""
        for stream in streams:
            self.subscriptions.want(stream)
        assert self.subscriptions.next_request(number, len(streams), streams).streams == streams


@pytest.fixture
def scene(actors):
    return Scene(actors)


def test_frames_of_one_read_are_one_message_a_book_in_order(scene):
    scene.route(btc(1), eth(1), btc(2), btc(3), eth(2))
    assert scene.btc_told.wait_one() == Frames(EPOCH, [btc(1), btc(2), btc(3)], 1.5)
    assert scene.eth_told.wait_one() == Frames(EPOCH, [eth(1), eth(2)], 1.5)


def test_an_acknowledged_stream_is_up_before_its_first_frame_and_behind_earlier_ones(scene):
    scene.request(BTC)
    scene.route(btc(1), ACCEPTED, btc(2), eth(1))
    assert scene.btc_told.wait(count=3) == [
        Frames(EPOCH, [btc(1)], 1.5),
        StreamUp(EPOCH),
        Frames(EPOCH, [btc(2)], 1.5),
    ]
    assert scene.eth_told.wait() == [Frames(EPOCH, [eth(1)], 1.5)], "another stream was not acknowledged"
    assert scene.told.wait_one() == Acknowledged(EPOCH, (BTC,))
    assert (scene.subscriptions.is_up(BTC), scene.subscriptions.is_up(ETH)) == (True, False)


def test_all_streams_of_one_request_are_up_with_its_answer(scene):
    scene.request(BTC, ETH)
    scene.route(ACCEPTED)
    assert (scene.btc_told.wait_one(), scene.eth_told.wait_one()) == (StreamUp(EPOCH), StreamUp(EPOCH))
    assert scene.subscriptions.unanswered() == []


def test_a_stream_that_was_dropped_is_not_up_for_its_next_receiver(scene):
    scene.request(BTC, ETH)
    scene.route(ACCEPTED)
    scene.receivers.pop(BTC)
    scene.subscriptions.drop(BTC)
    scene.receivers.put(BTC, scene.btc)
    scene.router.closed(END)
    assert scene.eth_told.wait(StreamDown, 1) == [StreamDown(EPOCH, END)]
    mailbox_of(scene.btc).put_ordered("behind it")
    scene.btc_told.wait_one(str)
    assert scene.btc_told.of(StreamDown) == [], "it was not notified that the stream is up here"


@pytest.mark.parametrize("late", [ACCEPTED, REFUSED], ids=["accepted", "refused"])
def test_a_late_answer_to_an_earlier_request_does_not_bring_a_stream_up_again(scene, late):
    """To a book beside its first connection, a second `StreamUp` would be another successor, without its diffs."""
    scene.request(BTC)
    scene.subscriptions.drop(BTC)
    assert not scene.subscriptions.next_request(2, 1, (BTC,)).subscribes
    scene.request(BTC, number=3)
    scene.route(b'{"result":null,"id":2}', b'{"result":null,"id":3}', late, btc(1))
    assert scene.btc_told.wait(count=2) == [StreamUp(EPOCH), Frames(EPOCH, [btc(1)], 1.5)]
    assert scene.subscriptions.is_up(BTC)


def test_a_refused_stream_is_not_up(scene):
    scene.request(BTC)
    scene.route(REFUSED, btc(1))
    assert scene.btc_told.wait() == [Frames(EPOCH, [btc(1)], 1.5)]
    assert scene.told.wait_one(RequestRefused) == RequestRefused(EPOCH, (BTC,), "2: Invalid request", 2)
    assert not scene.subscriptions.is_up(BTC)


def test_an_error_without_a_number_answers_the_first_request_that_has_no_answer(scene):
    scene.request(BTC)
    scene.request(ETH, number=2)
    scene.route(b'{"error":{"code":4,"msg":"Too many subscriptions"}}')
    assert scene.told.wait_one(RequestRefused) == RequestRefused(EPOCH, (BTC,), "4: Too many subscriptions", 4)
    assert scene.subscriptions.unanswered() == [(ETH,)]


@pytest.mark.parametrize("number", [b"", b',"id":null', b',"id":9', b',"id":"x"'])
def test_an_error_that_answers_nothing_is_rejected(scene, number):
    scene.route(b'{"error":{"code":3,"msg":"Invalid JSON"}%b}' % number)
    assert "a request that is not answered yet" in str(scene.told.wait_one(FrameRejected).error)


def test_a_stream_that_went_meanwhile_harms_no_answer(scene):
    scene.request(BTC, ETH)
    scene.receivers.pop(BTC)
    scene.route(ACCEPTED)
    assert scene.eth_told.wait_one() == StreamUp(EPOCH)


def test_frames_that_nobody_follows_are_counted_and_the_others_delivered(scene):
    stranger = frame(1, 1, symbol="XRPUSDT")
    raw = json.dumps(json.loads(btc(1))["data"]).encode()
    scene.route(btc(1), stranger, btc(2), raw, stranger, btc(3))
    assert sum(len(each.frames) for each in scene.btc_told.wait(Frames, 3)) == 3
    assert [one for each in scene.btc_told.of(Frames) for one in each.frames] == [btc(1), btc(2), btc(3)]
    assert scene.router.unrouted == 3


def test_a_stream_unrouted_within_a_read_does_not_stop_the_rest(scene):
    scene.receivers.pop(ETH)
    scene.route(eth(1), btc(1), eth(2))
    assert scene.btc_told.wait_one() == Frames(EPOCH, [btc(1)], 1.5)
    assert scene.router.unrouted == 2


def test_binary_frames_are_rejected_and_a_text_of_the_same_bytes_is_not(scene):
    scene.router.route(binance.BINARY, [btc(1), b"\x00\x01"], 1.5)
    scene.route(btc(2))
    assert "was one of opcode 2" in str(scene.told.wait_one(FrameRejected).error)
    assert scene.router.rejected == 2
    assert scene.btc_told.wait_one(Frames).frames == [btc(2)]


@pytest.mark.parametrize(
    "garbage",
    [b"", b"garbage", b"[1,2]", b"null", b'{"stream":"btcusdt', b'{"stream":', b"\xff\xfe", b"[" * 5000],
    ids=["empty", "words", "a list", "null", "cut in the name", "cut before it", "no text", "a deep nest"],
)
def test_an_unreadable_frame_is_rejected_and_the_others_are_delivered_in_order(scene, garbage):
    scene.route(btc(1), garbage, btc(2))
    told = scene.told.wait_one(FrameRejected)
    assert told.epoch == EPOCH
    assert isinstance(told.error, MalformedFrameError)
    delivered = [one for each in scene.btc_told.wait(Frames, 2) for one in each.frames]
    assert delivered == [btc(1), btc(2)]


@pytest.mark.parametrize(
    "notice",
    [b'{"e":"serverShutdown","E":1770123456789}', b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}'],
    ids=["raw", "combined"],
)
def test_an_announced_shutdown_reaches_the_owner_in_both_shapes(scene, notice):
    scene.route(btc(1), notice, btc(2))
    assert scene.told.wait_one() == ShutdownAnnounced(EPOCH)
    assert len(scene.btc_told.wait(Frames, 2)) == 2


@pytest.mark.parametrize(
    "spell",
    [
        lambda data: json.dumps({"data": data, "stream": BTC.decode()}),
        lambda data: json.dumps({"stream": BTC.decode(), "data": data}),
        lambda data: json.dumps({"extra": 1, "data": data, "stream": BTC.decode()}, indent=1),
    ],
    ids=["data first", "with spaces", "indented, with another key"],
)
def test_an_envelope_may_be_spelt_otherwise(scene, spell):
    odd = spell(json.loads(btc(2))["data"]).encode()
    scene.route(btc(1), odd, btc(3))
    delivered = scene.btc_told.wait_one(Frames).frames
    assert delivered == [btc(1), odd, btc(3)]


def test_a_full_mailbox_loses_frames_and_says_so_at_once_and_before_the_next(scene):
    mailbox = mailbox_of(scene.btc)
    let_go = hold(scene.btc)
    scene.route(*[btc(number) for number in range(FRAME_LIMIT)])
    scene.route(btc(1), btc(2))
    scene.route(btc(3), eth(1))
    assert mailbox.waiting_frames == FRAME_LIMIT
    assert scene.eth_told.wait_one() == Frames(EPOCH, [eth(1)], 1.5), "a full mailbox is its book's affair"
    let_go()
    scene.btc_told.wait_one(FramesLost)
    assert mailbox.waiting_frames == 0
    scene.route(btc(4))
    scene.route(btc(5))
    scene.btc_told.wait_for(lambda message: isinstance(message, Frames) and message.frames == [btc(5)])
    seen = scene.btc_told.seen
    first_loss = next(place for place, message in enumerate(seen) if isinstance(message, FramesLost))
    assert sum(len(message.frames) for message in seen[:first_loss]) == FRAME_LIMIT
    *lost, fourth, fifth = seen[first_loss:]
    assert [(type(each), each.count) for each in lost] == [(FramesLost, 2), (FramesLost, 1)]
    assert (fourth.frames, fifth.frames) == ([btc(4)], [btc(5)])


def test_the_end_is_told_behind_the_last_frames(scene):
    scene.router.opened()
    scene.route(btc(1))
    scene.router.closed(END)
    assert scene.btc_told.wait(count=2) == [Frames(EPOCH, [btc(1)], 1.5), StreamDown(EPOCH, END)]
    assert scene.eth_told.wait_one() == StreamDown(EPOCH, END)
    assert scene.told.wait(count=2) == [Opened(EPOCH), ConnectionEnded(EPOCH, END)]


@pytest.mark.parametrize("notify_failure", [True, False])
def test_the_end_is_told_to_a_book_that_is_being_subscribed_to_anew(scene, notify_failure):
    scene.router = scene.new_router(notify_failure=notify_failure)
    scene.request(BTC)
    scene.route(ACCEPTED)
    scene.subscriptions.renew(BTC)
    for number in (2, 3):
        assert scene.subscriptions.next_request(number, 9, (BTC,)).streams == (BTC,)
    scene.router.closed(END)
    assert scene.btc_told.wait(count=2) == [StreamUp(EPOCH), StreamDown(EPOCH, END)]


def test_an_end_that_concerns_nobody_any_more_is_told_to_no_book(scene):
    scene.request(BTC)
    scene.route(ACCEPTED)
    scene.router.is_detached = True
    scene.router.closed(END)
    mailbox_of(scene.btc).put_ordered("behind it")
    scene.btc_told.wait_one(str)
    assert scene.btc_told.of(StreamDown) == []


@pytest.mark.parametrize("notify_failure", [True, False])
def test_a_connection_that_was_never_made_is_told_to_books_only_if_wanted(scene, notify_failure):
    scene.new_router(notify_failure=notify_failure).closed(END)
    assert scene.told.wait_one() == ConnectionEnded(EPOCH, END)
    if notify_failure:
        assert scene.btc_told.wait_one() == StreamDown(EPOCH, END)
    mailbox_of(scene.btc).put_ordered("behind it")
    scene.btc_told.wait_one(str)
    assert len(scene.btc_told.of(StreamDown)) == notify_failure


def test_the_end_of_a_connection_that_served_after_an_outage_is_another_outage(scene):
    """A book that was added since, and waits for its stream, does not know of the outage before."""
    scene.router = scene.new_router(notify_failure=False)
    scene.request(BTC)
    scene.route(ACCEPTED)
    scene.request(ETH, number=2)
    scene.router.closed(END)
    assert scene.eth_told.wait_one() == StreamDown(EPOCH, END)
    assert scene.btc_told.wait(count=2) == [StreamUp(EPOCH), StreamDown(EPOCH, END)]


def test_an_announced_shutdown_is_told_once_however_often_it_comes(scene):
    scene.route(*[b'{"e":"serverShutdown","E":1770123456789}'] * 50)
    mailbox_of(scene.owner).put_ordered("behind it")
    scene.told.wait_one(str)
    assert len(scene.told.of(ShutdownAnnounced)) == 1


@pytest.mark.parametrize("rubbish", [b"garbage", b'{"result":null,"id":99}'], ids=["unreadable", "a reply to nothing"])
def test_a_connection_that_brings_nothing_but_rubbish_is_to_end(scene, rubbish):
    scene.route(*[rubbish] * 100)
    with pytest.raises(StreamError, match="101 frames were unreadable"):
        scene.route(btc(1), rubbish, rubbish)
    assert scene.btc_told.wait_one(Frames).frames == [btc(1)], "what came before it is good"
    assert scene.router.rejected == 101
    assert len(scene.told.wait(FrameRejected, 100)) == 100


def test_a_successor_says_whose(scene):
    scene.request(BTC)
    scene.new_router(predecessor=6).route(binance.TEXT, [ACCEPTED], 1.5)
    assert scene.btc_told.wait_one() == StreamUp(EPOCH, 6)


class SlowBook:
    """A receiver whose mailbox takes a message only when the test lets it."""

    def __init__(self, order):
        self.actor_inbox, self.order = self, order
        self.entered, self.leave = threading.Event(), threading.Event()

    def put_ordered(self, message):
        self.entered.set()
        assert self.leave.wait(PATIENCE)
        self.order.append(message)


def test_a_stream_is_not_given_back_between_its_answer_and_the_notification_of_its_book(scene):
    order = []
    book = SlowBook(order)
    scene.receivers.put(BTC, book)
    scene.request(BTC)

    def give_back():
        with scene.guarded as subscriptions:
            subscriptions.drop(BTC)
            order.append("given back")

    reader, actor = threading.Thread(target=scene.route, args=(ACCEPTED,)), threading.Thread(target=give_back)
    reader.start()
    assert book.entered.wait(PATIENCE)
    actor.start()
    # Long enough to get in, were there a way.
    actor.join(0.05)
    book.leave.set()
    for thread in (reader, actor):
        thread.join(PATIENCE)
    assert order == [StreamUp(EPOCH), "given back"], "else the book would hear last that it has a stream"
