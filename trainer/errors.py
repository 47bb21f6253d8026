"""The trainer's one exception."""


class TrainerError(Exception):
    """A mistake the user can mend: what was expected, what was found, where to mend it."""
