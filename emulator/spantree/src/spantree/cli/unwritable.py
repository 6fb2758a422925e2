"""What a command says of a file that it cannot write. Apart from those who write, as drawing takes much to import."""

__all__ = ["Unwritable"]


class Unwritable(Exception):
    """A file that cannot be written; the message is for the user."""
