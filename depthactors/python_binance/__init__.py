"""The drop-in: python-binance's depth-cache surface, without asyncio. Its public names are those of `depthactors`."""
