"""What each family of markets looks like: its symbols, numbers, events and replies. Pure."""
