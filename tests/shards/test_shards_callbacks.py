"""What a callback may do, called in the engine's process with the book of a worker."""

from decimal import Decimal

from depthactors import BookState, DepthEngine, Full
from depthactors.dispatcher.gate import Gate
from tests.support import PATIENCE, Recorder


def test_a_callback_may_block_ask_for_the_whole_book_subscribe_and_unsubscribe(exchange):
    done, ready = Recorder(), Gate()

    def on_update(view):
        ready.wait(PATIENCE)
        whole = book.ask(Full())
        other = engine.subscribe("ETHUSDT", depth=5).wait_live(PATIENCE)
        engine.unsubscribe(other)
        engine.unsubscribe(book)
        done((view, whole, other.state))

    with DepthEngine(number=Decimal, processes=1) as engine:
        book = engine.subscribe("BTCUSDT", depth=5, on_update=on_update)
        ready.set()
        view, whole, other = done.wait_one()
        assert len(view.bids) == 5 < len(whole.bids)
        assert whole.last_update_id >= view.last_update_id
        assert (other, book.state, engine.status().books) == (BookState.STOPPED, BookState.STOPPED, ())
        assert len(done.seen) == 1, "unsubscribed, it is not called again"


def test_a_callback_may_stop_the_engine(exchange):
    done, ready = Recorder(), Gate()

    def on_update(_view):
        ready.wait(PATIENCE)
        engine.stop()
        done(engine.running)

    engine = DepthEngine(number=Decimal, processes=1)
    book = engine.subscribe("BTCUSDT", depth=5, on_update=on_update)
    ready.set()
    assert done.wait_one() is False
    assert engine.wait_stopped(PATIENCE)
    assert (book.state, len(done.seen)) == (BookState.STOPPED, 1)
