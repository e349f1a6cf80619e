"""The actors: supervisor, sockets, books, snapshots; and the messages between them."""
