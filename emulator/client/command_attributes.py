"""The attributes by which the trace of a stock client's command is found again: those of `emulator boot`."""

from argparse import Namespace

from emulator.client.boot_request import BootRequest, server_name
from emulator.instrumentation import Attributes

__all__ = ["command_attributes"]


def command_attributes(command: str, parsed: Namespace) -> Attributes:
    """Return what the root span of a command says about its server, from the arguments that the client has parsed.

    `server create` has what was requested, the other `server` commands the name or id of the server, if it is one.
    All other arguments are left out: they may be secrets, or long.
    """
    if command == "server create":
        networks = [nic.get("net-id") for nic in getattr(parsed, "nics", None) or () if isinstance(nic, dict)]
        requested = BootRequest(
            _text(parsed, "server_name"),
            _text(parsed, "image"),
            _text(parsed, "flavor"),
            ",".join(filter(None, networks)),
        )
        return {name: value for name, value in requested.attributes.items() if value}
    if command.startswith("server "):
        servers = getattr(parsed, "server", None)
        named = servers[0] if isinstance(servers, list) and len(servers) == 1 else servers
        return server_name(named) if isinstance(named, str) else {}
    return {}


def _text(parsed: Namespace, name: str) -> str:
    value = getattr(parsed, name, None)
    return value if isinstance(value, str) else ""
