"""Lint rules about attributes: what the semantic conventions, and a team's own registry, say about names and values.

Each rule looks at the different names first, and at every span only if one of these is at fault: sound traces of many
spans cost little.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from spantree.lint.problems import Problems
from spantree.lint.registry import Registry
from spantree.span import Span

__all__ = ["deprecated_attributes", "malformed_names", "unknown_attributes", "wrong_types"]

OPT_IN = {"http.": "http", "net.": "http,database", "db.": "database"}
"""Values of OTEL_SEMCONV_STABILITY_OPT_IN, by the prefixes of the attributes that they replace."""
WELL_FORMED = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*(\.[a-z][a-z0-9]*(_[a-z0-9]+)*)*")
TYPES: Mapping[str, type] = {"string": str, "int": int, "double": float, "boolean": bool}


def deprecated_attributes(spans: Sequence[Span], registry: Registry) -> Problems:
    """Find attributes that the semantic conventions have replaced."""

    def remedy(key: str) -> str:
        instead = registry.replacement(key)
        if not instead:
            return ""
        told = instead if " " in instead else f"Use {instead} instead of {key}."
        opt_in = next((value for start, value in OPT_IN.items() if key.startswith(start)), "")
        if opt_in:
            told += f" Many instrumentations do so with OTEL_SEMCONV_STABILITY_OPT_IN={opt_in} in the environment."
        return told

    return _named(spans, remedy, "has {}, which is deprecated")


def unknown_attributes(spans: Sequence[Span], registry: Registry) -> Problems:
    """Find attributes in a namespace of the registry that the registry does not have."""

    def remedy(key: str) -> str:
        space, dot, _ = key.partition(".")
        if not dot or space not in registry.namespaces or registry.find(key):
            return ""
        return (
            f"Correct the name if {key} is a slip. If it is your own, begin it with a namespace of your own, or define "
            "it in a registry for `check --registry`."
        )

    return _named(spans, remedy, "has {}, which the conventions do not know")


def malformed_names(spans: Sequence[Span], registry: Registry) -> Problems:
    """Find names of attributes that the conventions would not allow ("Attribute naming")."""

    def remedy(key: str) -> str:
        if WELL_FORMED.fullmatch(key) or registry.find(key):
            return ""
        return (
            f"Name {key!r} with lower-case letters, digits and underscores, its parts separated by dots; what varies "
            "belongs in a value."
        )

    return _named(spans, remedy, "has the malformed attribute {}")


def wrong_types(spans: Sequence[Span], registry: Registry) -> Problems:
    """Find attributes whose values are not of the type that the registry says."""
    expected: dict[str, tuple[str, str] | None] = {}

    def wrong(attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
        found = []
        for key, value in attributes.items():
            if key not in expected:
                expected[key] = _expected(key, registry)
            known = expected[key]
            if known is not None and not _fits(value, known[0]):
                remedy = f"Set {known[1]} to a value of type {known[0]}, as the registry defines it."
                found.append((f"has {key} = {value!r}, which is not of type {known[0]}", remedy))
        return found

    of_resources: dict[int, list[tuple[str, str]]] = {}  # by identity: many spans share a resource
    for span in spans:
        if id(span.resource) not in of_resources:
            of_resources[id(span.resource)] = wrong(span.resource)
        of_events = [each for event in span.events for each in wrong(event.attributes)]
        for problem, remedy in (*wrong(span.attributes), *of_resources[id(span.resource)], *of_events):
            yield span, problem, remedy


def _expected(key: str, registry: Registry) -> tuple[str, str] | None:
    """Return the type of an attribute and its name in the registry; None if any value is right."""
    found = registry.find(key)
    if found is None or found[1].deprecated or (found[1].is_template and found[0] == key):
        return None
    name, attribute = found
    return None if attribute.value_type == "any" else (attribute.value_type, name)


def _fits(value: object, expected: str) -> bool:
    kind = type(value)
    if kind is TYPES.get(expected):
        return True
    if expected.endswith("[]"):
        if kind is str:  # Jaeger keeps lists as JSON
            return str(value).startswith("[")
        return isinstance(value, list | tuple) and all(_fits(item, expected[:-2]) for item in value)
    if expected == "double":
        return kind is int  # JSON, and SDKs of languages with one type of number, write 2.0 as 2
    if expected == "int" and isinstance(value, float):
        return value.is_integer()  # as above
    return expected == "any"


def _named(spans: Sequence[Span], remedy: Callable[[str], str], problem: str) -> Problems:
    """Find all spans with a name that needs a remedy."""
    names: set[str] = set()
    resources = {id(span.resource): span.resource for span in spans}  # by identity: many spans share one
    names.update(*resources.values(), *(event.attributes for span in spans for event in span.events))
    for span in spans:
        names.update(span.attributes)
    remedies = {key: told for key in names if (told := remedy(key))}
    if remedies:
        for span in spans:
            for key in {key: None for attributes in _sets_of(span) for key in attributes if key in remedies}:
                yield span, problem.format(key), remedies[key]


def _sets_of(span: Span) -> Iterator[Mapping[str, Any]]:
    yield span.attributes
    yield span.resource
    for event in span.events:
        yield event.attributes
