"""`extra_dhcp_opts`: DHCP options of a port. As in neutron, an update adds to the options that the port has."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from emulator.runtime.errors import BadRequest
from emulator.services.neutron.request_bodies import Text

__all__ = ["DhcpOption", "merge_dhcp_options"]

FIELD = "extra_dhcp_opts"
MAX_OPTIONS = 100
"""How many a port may have. The limit is ours, to bound memory: neutron has none."""

MAY_BE_BLANK = ("router", "classless-static-route")
"""Options that may be empty: VALID_BLANK_EXTRA_DHCP_OPTS in neutron_lib."""


class DhcpOption(Struct, forbid_unknown_fields=True):
    """An option by its name, or its number as text. A value of null removes it."""

    opt_name: Annotated[str, Meta(min_length=1, max_length=64)]
    opt_value: Text | None = None
    ip_version: Literal[4, 6, "4", "6"] = 4


Stored = dict[str, str | int]


def merge_dhcp_options(current: Iterable[Stored], requested: Sequence[DhcpOption]) -> list[Stored]:
    """Return the options of a port after a request. Raises BadRequest."""
    options = {(stored["opt_name"], stored["ip_version"]): stored for stored in current}
    for option in requested:
        _check(option)
        key = option.opt_name, int(option.ip_version)
        if option.opt_value is None:
            options.pop(key, None)
        else:
            options[key] = {"opt_name": option.opt_name, "opt_value": option.opt_value, "ip_version": key[1]}
    if len(options) > MAX_OPTIONS:
        raise BadRequest(f"Invalid input for {FIELD}. Reason: there are more than {MAX_OPTIONS}.")
    return list(options.values())


def _check(option: DhcpOption) -> None:
    for name, text, blank in (
        ("opt_name", option.opt_name, False),
        ("opt_value", option.opt_value, option.opt_name in MAY_BE_BLANK),
    ):
        if text is not None and not text.strip() and not blank:
            raise BadRequest(f"Invalid input for {FIELD}.{name}. Reason: '{text}' Blank strings are not permitted.")
