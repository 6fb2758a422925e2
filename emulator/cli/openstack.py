"""`emulator openstack`: our options come first, and what follows is the stock client's."""

from typing import Annotated, Any

import typer

from emulator.cli.options import Driven, Otlp
from spantree.cli.options import OtlpJson

__all__ = ["AS_THEY_ARE", "openstack"]

AS_THEY_ARE: dict[str, Any] = {"ignore_unknown_options": True, "allow_interspersed_args": False}
"""How the arguments are read: from the first word of a command on nothing is ours, and before it nothing unknown."""

Arguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ARGS]...", help="As `openstack` has them: server create --image cirros …"),
]


def openstack(
    arguments: Arguments = None,
    keystone_url: Driven = "http://127.0.0.1:5000",
    otlp: Otlp = None,
    otlp_json: OtlpJson = None,
) -> None:
    """Run the stock OpenStack client on the emulator that is up, as one trace.

    Options of ours come before the client's command; all the rest is the client's own, as its exit status is. Its help:
    emulator openstack help, and emulator openstack help server create. Wants the extra `openstack`.
    """
    from emulator.cli import openstack_commands

    raise typer.Exit(
        openstack_commands.openstack(arguments or [], keystone_url=keystone_url, otlp=otlp, otlp_json=otlp_json)
    )
