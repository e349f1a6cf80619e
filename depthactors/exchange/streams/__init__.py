"""From one step of a feed to the messages of each stream, and who gets them."""
