"""The exceptions that readers raise for JSON of the wrong shape, and how to describe them."""

__all__ = ["WRONG_SHAPE", "describe"]

WRONG_SHAPE = (AttributeError, KeyError, OverflowError, RecursionError, TypeError)
"""What a reader raises that takes a document's shape for granted. Text that is not JSON raises ValueError instead."""


def describe(error: Exception) -> str:
    """Describe one of these errors in one line: the missing field by its name, anything else by its type and text."""
    if isinstance(error, KeyError):
        return f"the field {error} is missing"
    return f"{type(error).__name__}: {error}"
