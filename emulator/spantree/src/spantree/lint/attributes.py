"""Lint rules about resources and attribute names."""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain

from spantree.lint.problems import Problems
from spantree.span import Span

__all__ = ["deprecated_attributes", "missing_resource"]

RESOURCE = ("service.name", "service.version", "service.instance.id")
OPT_IN = {"http.": "http", "net.": "http,database", "db.": "database"}
"""Values of OTEL_SEMCONV_STABILITY_OPT_IN, by the prefixes of the attributes that they replace."""


def missing_resource(spans: Sequence[Span]) -> Problems:
    """Find services whose resource lacks an attribute that backends tell services and instances apart by."""
    first: dict[str, Span] = {}
    missing: defaultdict[str, set[str]] = defaultdict(set)
    for span in spans:
        lacking = [key for key in RESOURCE if not span.resource.get(key)]
        # The resource conventions have SDKs fill in unknown_service where no name is configured.
        if span.service.startswith("unknown_service"):
            lacking.append("service.name")
        if lacking:
            first.setdefault(span.service, span)
            missing[span.service].update(lacking)
    for service, span in first.items():
        lacking = [key for key in RESOURCE if key in missing[service]]
        name = "Set OTEL_SERVICE_NAME. " if "service.name" in lacking else ""
        others = ",".join(f"{key}=…" for key in lacking if key != "service.name")
        remedy = name + (f"Set OTEL_RESOURCE_ATTRIBUTES={others}, or the same in code." if others else "")
        yield span, f"the resource of {service} lacks {', '.join(lacking)}", remedy.strip()


def deprecated_attributes(spans: Sequence[Span]) -> Problems:
    """Find attributes that the semantic conventions have replaced, once per service and name."""
    names, prefixes = _deprecated()
    found: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        for key in {*span.attributes, *span.resource, *chain.from_iterable(event.attributes for event in span.events)}:
            if key in names or key.startswith(prefixes):
                found[span.service, key].append(span)
    for (service, key), having in sorted(found.items()):
        prefix = next((known for known in prefixes if key.startswith(known)), "")
        instead = names[f"{prefix}*"].replace("*", key.removeprefix(prefix)) if prefix else names[key]
        remedy = instead if " " in instead else f"Use {instead} instead."
        opt_in = next((value for start, value in OPT_IN.items() if key.startswith(start)), "")
        if opt_in:
            remedy += f" Many instrumentations do so with OTEL_SEMCONV_STABILITY_OPT_IN={opt_in} in the environment."
        yield having[0], f"{key} is deprecated; {service} has it on {len(having)} of its spans", remedy


@cache
def _deprecated() -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the deprecated names with their replacements, and the prefixes of the names that end in `.*`."""
    names = tomllib.loads(files("spantree").joinpath("deprecated.toml").read_text("utf-8"))
    return names, tuple(name.removesuffix("*") for name in names if name.endswith(".*"))
