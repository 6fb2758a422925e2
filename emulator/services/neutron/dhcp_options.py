"""What DHCP tells a port's device besides addresses: `extra_dhcp_opts`. An update adds to them, as in neutron."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from emulator.runtime.errors import BadRequest
from emulator.services.neutron.request_bodies import Text

__all__ = ["DhcpOption", "merge_options"]

FIELD = "extra_dhcp_opts"
MOST = 100
"""How many a port may have. Neutron has no limit but that of its database."""

MAY_BE_BLANK = ("router", "classless-static-route")
"""Options that say something by being empty."""


class DhcpOption(Struct, forbid_unknown_fields=True):
    """An option by its name, or its number as text. A value of null takes it away."""

    opt_name: Annotated[str, Meta(min_length=1, max_length=64)]
    opt_value: Text | None = None
    ip_version: Literal[4, 6, "4", "6"] = 4


Kept = dict[str, str | int]


def merge_options(held: Iterable[Kept], wanted: Sequence[DhcpOption]) -> list[Kept]:
    """Return a port's options after a request that names some. Raises BadRequest."""
    options = {(kept["opt_name"], kept["ip_version"]): kept for kept in held}
    for option in wanted:
        _check(option)
        key = option.opt_name, int(option.ip_version)
        if option.opt_value is None:
            options.pop(key, None)
        else:
            options[key] = {"opt_name": option.opt_name, "opt_value": option.opt_value, "ip_version": key[1]}
    if len(options) > MOST:
        raise BadRequest(f"Invalid input for {FIELD}. Reason: there are more than {MOST}.")
    return list(options.values())


def _check(option: DhcpOption) -> None:
    for name, text, blank in (
        ("opt_name", option.opt_name, False),
        ("opt_value", option.opt_value, option.opt_name in MAY_BE_BLANK),
    ):
        if text is not None and not text.strip() and not blank:
            raise BadRequest(f"Invalid input for {FIELD}.{name}. Reason: '{text}' Blank strings are not permitted.")
