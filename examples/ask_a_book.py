"""Ask a book's actor for its top levels, and read the last view without any message."""

from depthactors import DepthEngine, Top


def main() -> None:
    """Print one book in the three ways there are to read it."""
    with DepthEngine(market="spot") as engine:
        book = engine.subscribe("BTCUSDT", depth=100).wait_live(timeout=30)

        print("ref.ask   ", book.ref.ask(Top(5)))
        print("handle.ask", book.ask(Top(5), timeout=1))
        view = book.view()
        print("view      ", view, "spread", view.spread, "vwap of 1 ask", view.vwap("ask", 1.0))


if __name__ == "__main__":
    main()
