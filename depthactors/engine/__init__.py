"""The engine: the face that programs hold, what it is set to, and the life of its threads."""
