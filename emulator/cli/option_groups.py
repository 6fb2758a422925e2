"""Lets a command take a dataclass of options as one parameter, so that commands share options by naming their group."""

from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any

__all__ = ["with_option_groups"]


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Make an option of every field of each parameter whose type is a dataclass.

    typer reads options from a function's signature, so the new signature lists the fields in place of the group.
    """
    groups: dict[str, tuple[Any, list[str]]] = {}
    parameters: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        group = parameter.annotation
        if isinstance(group, type) and is_dataclass(group):
            fields = signature(group).parameters
            groups[parameter.name] = (group, list(fields))
            parameters += fields.values()
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    @wraps(command)
    def call(**values: Any) -> None:  # noqa: ANN401 - the options have types of all kinds
        for name, (make, fields) in groups.items():
            values[name] = make(**{field: values.pop(field) for field in fields})
        command(**values)

    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined] # `inspect.signature` honours it
    return call
