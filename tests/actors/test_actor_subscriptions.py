"""What is subscribed on a connection, against a naive model that goes through all that was ever sent and answered."""

from hypothesis import given
from hypothesis import strategies as st

from depthactors.actors.subscriptions import Subscriptions

STREAMS = (b"a@depth", b"b@depth", b"c@depth", b"d@depth")
MOST = 3
stream = st.sampled_from(STREAMS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("follow"), stream),
        st.tuples(st.just("leave"), stream),
        st.tuples(st.just("renew"), stream),
        st.tuples(st.just("apart"), st.lists(stream, min_size=1, unique=True).map(tuple)),
        st.tuples(st.just("send")),
        st.tuples(st.just("answer"), st.integers(0, 3), st.booleans()),
        st.tuples(st.just("error")),
    ),
    max_size=60,
)


class Exchange:
    """The other end: what was sent to it in order, and how it answered."""

    def __init__(self):
        self.requests, self.answers = [], {}

    @property
    def unanswered(self):
        return [each for each in self.requests if each.request_id not in self.answers]

    def is_up(self, stream):
        """Return whether the last request about a stream is an accepted SUBSCRIBE."""
        about = [each for each in self.requests if stream in each.streams]
        return bool(about) and about[-1].subscribes and self.answers.get(about[-1].request_id) is True

    def was_refused(self, stream):
        about = [each for each in self.requests if stream in each.streams]
        return bool(about) and self.answers.get(about[-1].request_id) is False


class Scene:
    """Does each step, and keeps what the exchange saw and who follows what."""

    def __init__(self):
        self.subscriptions, self.exchange, self.followed = Subscriptions(), Exchange(), {}
        self.renewed = set()

    def step(self, kind, *details):
        getattr(self, kind)(*details)

    def follow(self, stream):
        self.followed[stream] = None
        self.subscriptions.want(stream)

    def leave(self, stream):
        if self.followed.pop(stream, False) is None:
            self.subscriptions.drop(stream)

    def renew(self, stream):
        if stream in self.followed:
            self.subscriptions.renew(stream)

    def apart(self, group):
        self.subscriptions.want_apart([group])

    def send(self):
        more = self.subscriptions.has_more(self.followed)
        request = self.subscriptions.next_request(len(self.exchange.requests), MOST, self.followed)
        assert more == (request is not None)
        if request is not None:
            assert 1 <= len(request.streams) <= MOST
            self.exchange.requests.append(request)

    def answer(self, place, accepted):
        waiting = self.exchange.unanswered
        if place < len(waiting):
            request = waiting[place]
            self.exchange.answers[request.request_id] = accepted
            assert self.subscriptions.answer(request.request_id, accepted=accepted) is request

    def error(self):
        """Refuse the first request that has no answer, without its id."""
        waiting = self.exchange.unanswered
        assert self.subscriptions.answer(None, accepted=False) is (waiting[0] if waiting else None)
        if waiting:
            self.exchange.answers[waiting[0].request_id] = False

    def settle(self):
        """Send everything and have all of it accepted."""
        while self.subscriptions.has_more(self.followed):
            self.send()
        for request in self.exchange.unanswered:
            self.answer(0, accepted=True)
            assert request.accepted


@given(STEPS)
def test_what_is_up_is_what_the_exchange_was_last_asked_for_and_accepted(steps):
    scene = Scene()
    for step in steps:
        scene.step(*step)
        subscriptions, exchange = scene.subscriptions, scene.exchange
        for name in STREAMS:
            if subscriptions.is_up(name):
                assert exchange.is_up(name)
            elif exchange.is_up(name):
                assert name in subscriptions._to_give_back
        assert subscriptions.unanswered() == [each.streams for each in exchange.unanswered if each.subscribes]
        assert [subscriptions.is_unanswered(each.request_id) for each in exchange.requests] == [
            each in exchange.unanswered for each in exchange.requests
        ]


@given(STEPS)
def test_once_all_is_sent_and_accepted_exactly_what_is_followed_is_up_but_for_what_was_refused(steps):
    scene = Scene()
    for step in steps:
        scene.step(*step)
    scene.settle()
    for name in STREAMS:
        if name not in scene.followed:
            assert not scene.exchange.is_up(name)
        elif not scene.exchange.was_refused(name):
            assert scene.subscriptions.is_up(name)
        else:
            scene.subscriptions.want(name)
            scene.settle()
            assert scene.subscriptions.is_up(name)
    assert scene.subscriptions.came_up <= set(scene.followed)
    assert set(scene.subscriptions._latest) <= set(scene.followed), "what nobody follows is forgotten"


@given(STEPS)
def test_a_book_that_was_notified_that_its_stream_is_up_is_among_those_concerned_by_the_end(steps):
    scene, notified = Scene(), set()
    for step in steps:
        before = {name for name in STREAMS if scene.subscriptions.is_up(name)}
        scene.step(*step)
        notified |= {name for name in STREAMS if scene.subscriptions.is_up(name)} - before
        notified &= set(scene.followed)
        assert notified <= scene.subscriptions.came_up


def test_what_is_to_be_given_back_goes_first_and_groups_apart_go_last_each_alone():
    subscriptions = Subscriptions()
    subscriptions.begin(STREAMS[:1], [])
    subscriptions.next_request(1, MOST, STREAMS)
    subscriptions.answer(1, accepted=True)
    subscriptions.want_apart([STREAMS[2:4]])
    subscriptions.want(STREAMS[1])
    subscriptions.renew(STREAMS[0])
    sent = [subscriptions.next_request(number, MOST, STREAMS) for number in range(2, 5)]
    assert [(each.subscribes, each.streams) for each in sent] == [
        (False, STREAMS[:1]),
        (True, (STREAMS[1], STREAMS[0])),
        (True, STREAMS[2:4]),
    ]
    assert not subscriptions.has_more(STREAMS)


def test_an_answer_to_nothing_belongs_to_no_request():
    subscriptions = Subscriptions()
    assert subscriptions.answer(7, accepted=True) is None
    assert subscriptions.answer(None, accepted=False) is None


def test_a_connection_that_opens_asks_for_what_it_is_told_and_nothing_from_before():
    subscriptions = Subscriptions()
    subscriptions.want(STREAMS[3])
    subscriptions.begin(STREAMS[:2], [STREAMS[2:3]])
    sent = [subscriptions.next_request(number, MOST, STREAMS).streams for number in (1, 2)]
    assert sent == [STREAMS[:2], STREAMS[2:3]]
    assert subscriptions.asked_for == set(STREAMS[:3])
