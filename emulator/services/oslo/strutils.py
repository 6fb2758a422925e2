"""What OpenStack takes for yes and no, in queries and bodies."""

from emulator.runtime.errors import BadRequest

__all__ = ["is_true", "read_truth"]

TRUE, FALSE = {"1", "t", "true", "on", "y", "yes"}, {"0", "f", "false", "off", "n", "no"}
"""As oslo.utils has it, in any case."""


def is_true(said: str) -> bool:
    """Whether a word says yes; any other is a no."""
    return said.lower() in TRUE


def read_truth(name: str, said: str) -> bool:
    """Read yes or no from a query parameter. Raises BadRequest for what is neither."""
    if said.lower() not in TRUE | FALSE:
        raise BadRequest(f"Invalid input for query parameter {name}: {said!r} is neither true nor false.")
    return is_true(said)
