"""What a callback may do, called in the engine's process with the book of a worker."""

from decimal import Decimal

from depthactors import BookState, DepthEngine, Full
from depthactors.dispatcher.gate import Gate
from tests.support import PATIENCE, Recorder


def test_a_callback_may_block_ask_subscribe_unsubscribe_and_stop_the_engine(exchange):
    done, ready, ended = Recorder(), Gate(), Recorder()

    def on_update(view):
        ready.wait(PATIENCE)
        whole = book.ask(Full())
        other = engine.subscribe("ETHUSDT", depth=5).wait_live(PATIENCE)
        engine.unsubscribe(other)
        engine.unsubscribe(book)
        done((view, whole, other.state))

    def stop(_view):
        engine.stop()
        ended(engine.running)

    engine = DepthEngine(number=Decimal, processes=1)
    book = engine.subscribe("BTCUSDT", depth=5, on_update=on_update)
    ready.set()
    view, whole, other = done.wait_one()
    assert len(view.bids) == 5 < len(whole.bids)
    assert whole.last_update_id >= view.last_update_id
    assert (other, book.state, engine.status().books) == (BookState.STOPPED, BookState.STOPPED, ())

    last = engine.subscribe("BNBUSDT", depth=5, on_update=stop)
    assert ended.wait_one() is False
    assert engine.wait_stopped(PATIENCE)
    assert last.state is BookState.STOPPED
    assert (len(done.seen), len(ended.seen)) == (1, 1), "unsubscribed or stopped, it is not called again"
