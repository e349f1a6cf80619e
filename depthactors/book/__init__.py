"""The order book: its two sides, immutable views and copies of it, and a digest that compares two books."""

from depthactors.book.digest import top_digest
from depthactors.book.order_book import OrderBook
from depthactors.book.side import BookSide
from depthactors.book.state import BookState
from depthactors.book.view import BookView, Side

__all__ = ["BookSide", "BookState", "BookView", "OrderBook", "Side", "top_digest"]
