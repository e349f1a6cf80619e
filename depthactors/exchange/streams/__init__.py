"""From one step of a feed to the messages of each stream, and to the clients that listen to it."""
