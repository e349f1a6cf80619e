"""The actors: supervisor, sockets, books, snapshots; and what they say to each other."""
