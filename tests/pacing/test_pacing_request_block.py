"""A silence lasts as long as was said, and longer each time where that was not said."""

from depthactors.pacing import RequestBlock


def test_it_lasts_as_long_as_the_exchange_said():
    silence = RequestBlock()
    assert silence.left(0.0) == 0.0
    silence.begin(30.0, 30.0, 100.0)
    silence.begin(5.0, 5.0, 101.0)
    assert (silence.left(101.0), silence.left(130.0)) == (29.0, 0.0)
    silence.begin(5.0, 0.0, 131.0)
    assert silence.left(131.0) == 5.0


def test_answers_to_requests_that_were_sent_before_do_not_make_it_longer():
    silence = RequestBlock()
    for moment in (100.0, 100.1, 100.2, 101.0):
        silence.begin(60.0, 900.0, moment)
    assert silence.left(101.0) == 59.0


def test_each_block_that_follows_another_is_longer_up_to_a_bound():
    silence, now, waits = RequestBlock(), 0.0, []
    for _ in range(8):
        silence.begin(60.0, 900.0, now)
        waits.append(silence.left(now))
        now += waits[-1] + 1.0
    assert waits == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0, 900.0]


def test_a_guess_is_spread_and_a_given_wait_is_not():
    guessed, said = RequestBlock(), RequestBlock()
    guessed.begin(60.0, 900.0, 0.0, 0.5)
    said.begin(60.0, 60.0, 0.0, 0.5)
    assert (guessed.left(0.0), said.left(0.0)) == (63.0, 60.0)


def test_after_a_while_without_a_block_guesses_begin_anew():
    silence = RequestBlock()
    silence.begin(60.0, 900.0, 0.0)
    silence.begin(60.0, 900.0, 61.0)
    silence.begin(60.0, 900.0, 181.0 + 121.0)
    assert silence.left(302.0) == 60.0
