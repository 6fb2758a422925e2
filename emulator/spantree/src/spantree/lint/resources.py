"""The lint rule about resources: what tells services and their instances apart."""

from collections import defaultdict
from collections.abc import Sequence

from spantree.lint.problems import Problems
from spantree.span import Span

__all__ = ["missing_resource"]

RESOURCE = ("service.name", "service.version", "service.instance.id")


def missing_resource(spans: Sequence[Span]) -> Problems:
    """Find spans whose resource lacks an attribute that backends tell services and instances apart by."""
    lacking: defaultdict[str, set[str]] = defaultdict(set)
    having: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans:
        missing = [key for key in RESOURCE if not span.resource.get(key)]
        # The resource conventions have SDKs fill in unknown_service where no name is configured.
        if span.service.startswith("unknown_service"):
            missing.append("service.name")
        if missing:
            lacking[span.service].update(missing)
            having[span.service].append(span)
    for service, found in having.items():
        missing = [key for key in RESOURCE if key in lacking[service]]
        for span in found:
            yield span, f"the resource of {service} lacks {', '.join(missing)}", _remedy(missing)


def _remedy(missing: Sequence[str]) -> str:
    name = "Set OTEL_SERVICE_NAME. " if "service.name" in missing else ""
    others = ",".join(f"{key}=…" for key in missing if key != "service.name")
    return (name + (f"Set OTEL_RESOURCE_ATTRIBUTES={others}, or the same in code." if others else "")).strip()
