"""UUIDs in the form that OpenStack's APIs accept, named after `oslo_utils.uuidutils`."""

import re

__all__ = ["UUID_PATTERN", "is_uuid"]

UUID_PATTERN = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"
"""As glance's and nova's JSON schemas write it."""

_UUID = re.compile(UUID_PATTERN.removesuffix("$"))


def is_uuid(text: str) -> bool:
    """Whether a string is a UUID with dashes, in upper or lower case.

    `oslo_utils.uuidutils.is_uuid_like` accepts other spellings as well, but the APIs' schemas do not.
    """
    return _UUID.fullmatch(text) is not None
