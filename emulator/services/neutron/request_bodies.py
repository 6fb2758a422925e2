"""What callers write of a network, a subnet or a port: the attributes that were given, onto a record."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, structs

from emulator.runtime.errors import BadRequest
from emulator.services.neutron.models import Record

__all__ = ["Text", "check_fixed", "check_known", "given", "needed", "put"]


LONGEST = 255
"""How many characters a name, or any other text, may have."""

Text = Annotated[str, Meta(max_length=LONGEST)]
"""Text within something: what is deeper in a body than `given` looks."""


def given(body: Struct) -> dict[str, Any]:
    """Return the attributes that the caller gave, by the names that they have on the wire. Raises BadRequest."""
    names = {field.name: field.encode_name for field in structs.fields(body)}
    words = {names[name]: value for name, value in structs.asdict(body).items() if value is not UNSET}
    for name, value in words.items():
        if isinstance(value, str) and len(value) > LONGEST:
            raise BadRequest(f"Invalid input for {name}. Reason: it exceeds maximum length of {LONGEST}.")
    return words


def check_known(attributes: Iterable[str], unknown: Iterable[str]) -> None:
    """Raise BadRequest where a caller says what would change the whole meaning, and is not known here."""
    if wrong := [name for name in attributes if name in set(unknown)]:
        raise BadRequest(f"Unrecognized attribute(s) '{', '.join(wrong)}'")


def needed(words: Mapping[str, Any], name: str) -> str:
    """Return what a caller had to say. Raises BadRequest."""
    if not words.get(name):
        raise BadRequest(f"Failed to parse request. Required attribute '{name}' not specified")
    return str(words[name])


def check_fixed(attributes: Iterable[str], fixed: Iterable[str]) -> None:
    """Raise BadRequest where a caller wants to change what cannot be changed."""
    if wrong := [name for name in attributes if name in set(fixed)]:
        raise BadRequest(f"Cannot update read-only attribute {wrong[0]}")


def put(record: Record, attributes: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Write attributes onto a record, those in `names`, which tells how the record calls them."""
    for name, value in attributes.items():
        if name in names:
            setattr(record, names[name], value)
