"""UUIDs as OpenStack's APIs take them, named after `oslo_utils.uuidutils`."""

import re

__all__ = ["UUID_PATTERN", "is_uuid"]

UUID_PATTERN = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"
"""As glance's and nova's JSON schemas write it."""

_UUID = re.compile(UUID_PATTERN.removesuffix("$"))


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID with dashes, in either case.

    Unlike `oslo_utils.uuidutils.is_uuid_like` it takes no other spelling: the APIs' schemas do not either.
    """
    return _UUID.fullmatch(text) is not None
