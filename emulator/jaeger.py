"""Links to traces in Jaeger's UI, and the version of Jaeger that the documentation and the deployment files use."""

from collections.abc import Iterable
from urllib.parse import urlencode

from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["FAULT", "IMAGE", "STEP", "VERSION", "page_finding", "trace_link", "trace_page"]

VERSION = "2.20.0"
"""The only place to change it: a test compares every file of the repository, and names those to correct."""
IMAGE = f"jaegertracing/jaeger:{VERSION}"
FAULT, STEP = "openstack.fault.name", "openstack.boot.step"
"""Attributes of the spans to land on: where a fault acted, or else the calls of Figure 1.8."""


def trace_page(trace_id: str, spans: Iterable[ReadableSpan]) -> str:
    """Return the page of a boot in Jaeger's UI, as a path without a leading slash. It opens the interesting spans.

    If the boot has several traces, it is the page of the one with these spans.
    """
    known = list(spans)
    for attribute in (FAULT, STEP):
        found = next((span for span in known if span.context and attribute in (span.attributes or {})), None)
        if found is not None and found.context is not None:
            return page_finding(f"{found.context.trace_id:032x}", attribute)
    return page_finding(trace_id, None)


def page_finding(trace_id: str, text: str | None) -> str:
    """Return a trace's page that opens and scrolls to the spans with a text in their names or attributes.

    Pass None rather than a text that no span may have: with it, Jaeger folds everything but the root (jaeger-ui:
    `setTrace` in TraceTimelineViewer/duck.ts, utils/filter-spans.ts).
    """
    return f"trace/{trace_id}" + (f"?{urlencode({'uiFind': text})}" if text else "")


def trace_link(ui: str, page: str) -> str:
    """Return the URL of a page of Jaeger's UI, whose URL may have a base path."""
    return f"{ui.rstrip('/')}/{page}"
