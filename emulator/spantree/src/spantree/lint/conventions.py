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
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "double": (float, int),  # JSON, and SDKs of languages with one type of number, write 2.0 as 2
    "boolean": (bool,),
}


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
    judged: dict[tuple[str, type], tuple[str, ...]] = {}
    for span in spans:
        for attributes in _sets_of(span):
            for key, value in attributes.items():
                kind = (key, type(value))
                if kind not in judged:
                    judged[kind] = _expected(key, registry)
                expected = judged[kind]
                if expected and not _fits(value, expected[0]):
                    remedy = f"Set {expected[1]} to a value of type {expected[0]}, as the registry defines it."
                    yield span, f"has {key} = {value!r}, which is not of type {expected[0]}", remedy


def _expected(key: str, registry: Registry) -> tuple[str, ...]:
    """Return the type of an attribute and its name in the registry; nothing if any value is right."""
    found = registry.find(key)
    if found is None or found[1].deprecated or (found[1].is_template and found[0] == key):
        return ()
    name, attribute = found
    return () if attribute.value_type == "any" else (attribute.value_type, name)


def _fits(value: object, expected: str) -> bool:
    if expected.endswith("[]"):
        if isinstance(value, str):  # Jaeger keeps lists as JSON
            return value.startswith("[")
        return isinstance(value, list | tuple) and all(_fits(item, expected[:-2]) for item in value)
    if isinstance(value, bool):
        return expected in {"boolean", "any"}
    if expected == "int" and isinstance(value, float):
        return value.is_integer()  # as above: a language with one type of number
    return isinstance(value, TYPES.get(expected, object))


def _named(spans: Sequence[Span], remedy: Callable[[str], str], problem: str) -> Problems:
    """Find all spans with a name that needs a remedy."""
    names: set[str] = set()
    for span in spans:
        for attributes in _sets_of(span):
            names.update(attributes)
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
