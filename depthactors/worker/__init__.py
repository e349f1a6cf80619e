"""A worker process, from inside: an engine like any other, which the engine's process commands over a channel.

All of this package runs in a worker process.
"""
