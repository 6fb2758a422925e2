"""What is imported only when a command does its work, so that its help comes at once."""

from types import ModuleType

import typer

__all__ = ["load_commands"]


def load_commands() -> ModuleType:
    """Import what the commands do. The SDK reads some of `OTEL_*` at import; what it cannot use is for the user."""
    try:
        from emulator.cli import commands
    except ValueError as error:
        typer.echo(f"emulator: {error}", err=True)
        raise typer.Exit(2) from error
    return commands
