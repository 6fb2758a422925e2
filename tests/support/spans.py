"""Spans built by hand, and strategies of hypothesis for several trees of spans."""

import base64
import math
from collections.abc import Iterable
from dataclasses import replace

from google.protobuf.json_format import ParseDict
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spantree import Event, Link, Span, otlp_json

TRACE = "0af7651916cd43dd8448eb211c80319c"


def a_span(number: int, parent: int = 0, name: str = "work", service: str = "shop", **more: object) -> Span:
    """A span with this number as its id, from the time of this number to 100."""
    known = Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        name=name,
        kind="internal",
        start=number,
        end=100,
        resource={"service.name": service},
    )
    return replace(known, **more)  # type: ignore[arg-type]


def link_to(span: Span) -> tuple[Link, ...]:
    return (Link(span.trace_id, span.span_id),)


def protobuf(spans: Iterable[Span]) -> bytes:
    """Return what an exporter would send."""
    document = otlp_json(spans)
    for of_resource in document["resourceSpans"]:
        for of_scope in of_resource["scopeSpans"]:
            for span in of_scope["spans"]:
                for holder in (span, *span["links"]):
                    for key in ("traceId", "spanId", "parentSpanId"):
                        if key in holder:
                            holder[key] = _base64(holder[key])
    body: bytes = ParseDict(document, ExportTraceServiceRequest()).SerializeToString()
    return body


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


TEXTS = st.one_of(
    st.sampled_from(["GET", "POST /v2.1/servers", "publish nova:compute.{host}", "a (client)", "b +", "c !500", "..."]),
    st.sampled_from(["d {x=1}", "e # f", '"g"', "h: i", "in any order:", " j ", "k\nl", "m\\", "n\u2028o", "{id}", ""]),
    st.text(max_size=12),
)
TIMES = st.integers(0, 2**63)
VALUES = st.recursive(
    st.one_of(
        st.text(max_size=8),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False).filter(lambda number: not math.isnan(number)),
        st.binary(max_size=8),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(st.text(max_size=8), VALUES, max_size=3)
RESOURCES = st.fixed_dictionaries({"service.name": TEXTS}, optional={"service.version": st.text(max_size=4)})


@st.composite
def forests(draw: st.DrawFn, *, largest: int = 24) -> list[Span]:
    """Spans of one to three traces, each with any number of roots and orphans; some link to one another."""
    traces = draw(st.lists(st.integers(1, 2**128 - 1).map("{:032x}".format), min_size=1, max_size=3, unique=True))
    spans: list[Span] = []
    for trace_id in traces:
        ids = draw(
            st.lists(st.integers(1, 2**64 - 1).map("{:016x}".format), min_size=1, max_size=largest // 3, unique=True)
        )
        for number, span_id in enumerate(ids):
            parents = st.sampled_from(["", *ids[:number]]) | st.integers(1, 2**64 - 1).map("{:016x}".format)
            spans.append(draw(_spans(trace_id, span_id, draw(parents), spans)))
    return spans


def _spans(trace_id: str, span_id: str, parent_id: str, known: list[Span]) -> st.SearchStrategy[Span]:
    targets = st.sampled_from(known) if known else st.nothing()
    links = st.builds(lambda span, more: Link(span.trace_id, span.span_id, more), targets, ATTRIBUTES)
    return st.builds(
        Span,
        trace_id=st.just(trace_id),
        span_id=st.just(span_id),
        parent_id=st.just("" if parent_id == span_id else parent_id),
        name=TEXTS,
        kind=st.sampled_from(["internal", "server", "client", "producer", "consumer", "unspecified"]),
        start=TIMES,
        end=TIMES,
        attributes=ATTRIBUTES,
        resource=RESOURCES,
        events=st.lists(st.builds(Event, st.text(max_size=5), TIMES, ATTRIBUTES), max_size=2).map(tuple),
        links=st.lists(links, max_size=2).map(tuple),
        failed=st.booleans(),
        message=st.text(max_size=4),
    )
