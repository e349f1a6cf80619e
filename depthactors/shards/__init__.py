"""Worker processes, seen from the engine's process: their supervisor, and what stands for their books.

All of this package runs in the engine's process; the worker process uses `messages`, `channel` and `greeting` too.
"""
