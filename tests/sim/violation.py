"""What a run finds wrong."""


class ViolationError(AssertionError):
    """Something that the engine promises did not hold."""
