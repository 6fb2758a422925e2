"""Booleans as strings, in queries and bodies, named after `oslo_utils.strutils`."""

from emulator.runtime.errors import BadRequest

__all__ = ["bool_from_query", "bool_from_string"]

TRUE, FALSE = {"1", "t", "true", "on", "y", "yes"}, {"0", "f", "false", "off", "n", "no"}
"""TRUE_STRINGS and FALSE_STRINGS of oslo_utils; case does not matter."""


def bool_from_string(text: str) -> bool:
    """Return True for a string that means true, and False for any other."""
    return text.lower() in TRUE


def bool_from_query(name: str, value: str) -> bool:
    """Parse a query parameter as a boolean. Raises BadRequest for a value that is neither true nor false."""
    if value.lower() not in TRUE | FALSE:
        raise BadRequest(f"Invalid input for query parameter {name}: {value!r} is neither true nor false.")
    return bool_from_string(value)
