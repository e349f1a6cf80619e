"""The engine: the class that programs use, its settings, and the life of its threads."""
