"""Checks of a server's name and metadata, when it is created and when they are changed."""

import re
from collections.abc import Mapping

from emulator.runtime.errors import BadRequest, Forbidden

__all__ = ["check_metadata", "check_name"]

KEY = re.compile(r"[a-zA-Z0-9\-_:. ]{1,255}")
MAX_VALUE_LENGTH = 255


class MetadataLimitExceeded(Forbidden):
    """The server would have more metadata items than the quota allows."""

    error_type = "nova.MetadataLimitExceeded"

    def __init__(self, limit: int) -> None:
        super().__init__(f"Maximum number of metadata items exceeds {limit}")


def check_name(name: str) -> None:
    """Raise BadRequest for a name with unprintable characters, or with spaces at either end."""
    if not name.isprintable() or name != name.strip():
        raise BadRequest(
            f"Invalid input for field server.name: {name!r}: An invalid 'name' value was provided. The name must be: "
            "printable characters. Can not start or end with whitespace."
        )


def check_metadata(metadata: Mapping[str, str], limit: int, field: str = "metadata") -> None:
    """Raise BadRequest for an invalid item, MetadataLimitExceeded for too many; a limit of -1 means none."""
    for key, value in metadata.items():
        if not KEY.fullmatch(key):
            raise BadRequest(
                f"Invalid input for field {field}: {key[:300]!r} is not 1 to 255 letters, digits, spaces and -_:."
            )
        if len(value) > MAX_VALUE_LENGTH:
            raise BadRequest(f"Invalid input for field {field}.{key}: it is longer than {MAX_VALUE_LENGTH} characters.")
    if 0 <= limit < len(metadata):
        raise MetadataLimitExceeded(limit)
