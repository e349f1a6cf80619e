"""Use books in a Jupyter notebook, where an event loop is running already: plain functions, and the loop goes on."""

import asyncio

from depthactors import BookView, DepthEngine


async def notebook() -> None:
    """Stand in for the kernel: run cells, as plain functions, inside the running loop."""
    loop = asyncio.get_running_loop()
    pauses: list[float] = []

    async def tick() -> None:
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            pauses.append(loop.time() - before)

    ticker = asyncio.create_task(tick())
    news: asyncio.Queue[BookView] = asyncio.Queue()

    def pass_on(view: BookView) -> None:
        # In a thread of the engine, from which things get to the loop as from any other thread.
        loop.call_soon_threadsafe(news.put_nowait, view)

    def first_cell() -> DepthEngine:
        engine = DepthEngine(market="spot")
        engine.subscribe("BTCUSDT", depth=20, on_update=pass_on)
        return engine

    engine = first_cell()
    try:
        for _ in range(3):
            view = await asyncio.wait_for(news.get(), timeout=30)
            print(view.symbol, "bid", view.best_bid, "ask", view.best_ask)
    finally:
        engine.stop()
    ticker.cancel()
    print(f"the loop ticked {len(pauses)} times, its longest pause was {max(pauses):.3f} s")


if __name__ == "__main__":
    asyncio.run(notebook())
