"""A command line whose commands are imported only when they are called, so that its help appears without delay.

Typer builds the options of a command from its function, so it would import every command to list them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["Command", "LazyCommand", "application", "lazy_group"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command, with the place of its function as "module:function".

    `summary` is for the list of commands; the command's own help is made from the function's docstring and parameters.
    `settings` are for click's context.
    """

    name: str
    function: str
    summary: str
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def application(name: str, version: str, description: str, commands: Sequence[Command]) -> typer.Typer:
    """Make a program of these commands. Its help lists them in this order; `--version` prints its name and version."""
    app = typer.Typer(cls=lazy_group(commands), name=name, help=description, no_args_is_help=True, **_STYLE)

    def print_version(requested: bool) -> None:
        if requested:
            typer.echo(f"{name} {version}")
            raise typer.Exit

    version_option = typer.Option("--version", help="Print the version.", callback=print_version)

    @app.callback(help=description)
    def root(*, version: Annotated[bool, version_option] = False) -> None:
        """Typer needs a function for the options of the program itself."""

    return app


def lazy_group(commands: Sequence[Command]) -> type[TyperGroup]:
    """Make a group of these commands, for `typer.Typer(cls=...)`."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - typer's own types
            super().__init__(**attributes)
            for command in commands:
                self.add_command(LazyCommand(command))

    return LazyGroup


_STYLE: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}


class LazyCommand(TyperCommand):
    """A stand-in for a command in the list of commands. When it is called, it loads and runs the real one."""

    def __init__(self, command: Command) -> None:
        super().__init__(command.name, help=command.summary, rich_markup_mode=None)
        self._command = command

    def load(self) -> Any:  # noqa: ANN401 - typer's own types are private
        """Import the command's module, and return the command with its options."""
        module, _, function = self._command.function.partition(":")
        alone = typer.Typer(**_STYLE)
        register = alone.command(self._command.name, context_settings=dict(self._command.settings))
        register(getattr(import_module(module), function))
        return typer.main.get_command(alone)

    def make_context(self, *args: Any, **more: Any) -> Any:  # noqa: ANN401 - typer's own types are private
        return self.load().make_context(*args, **more)
