"""A refusal that a person will read."""


class CareError(Exception):
    """What was asked can't be done. The message says why, for the person who asked."""
