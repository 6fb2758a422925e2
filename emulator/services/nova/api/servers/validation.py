"""What users may write on a server, when they order it and later: its name and its metadata."""

import re
from collections.abc import Mapping

from emulator.runtime.errors import BadRequest, Forbidden

__all__ = ["check_metadata", "check_name"]

KEY = re.compile(r"[a-zA-Z0-9\-_:. ]{1,255}")
LONGEST_VALUE = 255


class MetadataLimitExceeded(Forbidden):
    """The server may not have that many items."""

    error_type = "nova.MetadataLimitExceeded"

    def __init__(self, limit: int) -> None:
        super().__init__(f"Maximum number of metadata items exceeds {limit}")


def check_name(name: str) -> None:
    """Raise BadRequest for a name that cannot be read as it is written."""
    if not name.isprintable() or name != name.strip():
        raise BadRequest(
            f"Invalid input for field server.name: {name!r}: An invalid 'name' value was provided. The name must be: "
            "printable characters. Can not start or end with whitespace."
        )


def check_metadata(metadata: Mapping[str, str], limit: int, field: str = "metadata") -> None:
    """Raise BadRequest for an item that is none, MetadataLimitExceeded for more than the limit; -1 is none."""
    for key, value in metadata.items():
        if not KEY.fullmatch(key):
            raise BadRequest(
                f"Invalid input for field {field}: {key[:300]!r} is not 1 to 255 letters, digits, spaces and -_:."
            )
        if len(value) > LONGEST_VALUE:
            raise BadRequest(f"Invalid input for field {field}.{key}: it is longer than {LONGEST_VALUE} characters.")
    if 0 <= limit < len(metadata):
        raise MetadataLimitExceeded(limit)
