"""Worker processes, seen from the engine's process: their supervisor, and an actor and a cell for each of their books.

All of this package runs in the engine's process. `messages`, `channel`, `greeting` and `interpreter` run in a worker
process too.
"""
