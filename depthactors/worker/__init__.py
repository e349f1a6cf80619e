"""A worker process, from inside: an engine like any other, which gets its orders from the engine's process.

All of this package runs in a worker process.
"""
