"""`emulator health`: check that services are healthy. Containers use the faster `python -m emulator.healthcheck`."""

from typing import Annotated

import typer

from spantree.cli.options import option
from spantree.cli.validators import finite

__all__ = ["health"]


def health(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="Names of services on this machine's usual ports, or URLs such as http://localhost:8774/healthcheck.",
            show_default=False,
        ),
    ] = None,
    wait: Annotated[
        float,
        option("wait", "Retry for up to this many seconds, until all are healthy.", min=0, max=86400, callback=finite),
    ] = 0.0,
) -> None:
    """Check that services are healthy: the named ones, or all on this machine. Exits with 0 only if all are healthy."""
    from emulator.healthcheck import UnknownTarget, check

    try:
        status = check(targets or [], wait)
    except UnknownTarget as error:
        raise typer.BadParameter(str(error), param_hint="'TARGET'") from error
    raise typer.Exit(status)
