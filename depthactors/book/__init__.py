"""The order book: its two sides, and immutable views and copies of it. `digest` compares two books."""

from depthactors.book.order_book import OrderBook
from depthactors.book.side import BookSide
from depthactors.book.state import BookState
from depthactors.book.view import BookView, Side

__all__ = ["BookSide", "BookState", "BookView", "OrderBook", "Side"]
