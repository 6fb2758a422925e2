"""Spans built by hand, and strategies of hypothesis for several trees of spans."""

import base64
import math
import random
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
    st.sampled_from(["p x2", "q <50ms", "never:", "r ×2..", "not s", "/t/", "never", "u  v", "w >1", "*"]),
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
    """Spans of one to three traces, each with any number of roots and orphans; some link to one another.

    Hypothesis draws names, values and times; a seeded random generator puts them together, which takes a tenth of the
    time of drawing each span.
    """
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    names = draw(st.lists(TEXTS, min_size=1, max_size=6))
    resources = draw(st.lists(RESOURCES, min_size=1, max_size=3))
    attributes = draw(st.lists(ATTRIBUTES, min_size=1, max_size=4))
    times = draw(st.lists(TIMES, min_size=1, max_size=6))
    spans: list[Span] = []
    for trace_id in {rng.getrandbits(128) | 1 for _ in range(draw(st.integers(1, 3)))}:
        ids: list[str] = []
        for _ in range(draw(st.integers(1, largest // 3))):
            linked = rng.choices(spans, k=rng.randint(0, 2)) if spans else []
            span = Span(
                trace_id=f"{trace_id:032x}",
                span_id=f"{rng.getrandbits(64) | 1:016x}",
                parent_id=rng.choice(["", f"{rng.getrandbits(64) | 1:016x}", *ids]),
                name=rng.choice(names),
                kind=rng.choice(["internal", "server", "client", "producer", "consumer", "unspecified"]),
                start=_near(rng, times),
                end=_near(rng, times),
                attributes=rng.choice(attributes),
                resource=rng.choice(resources),
                events=tuple(
                    Event(rng.choice(names), _near(rng, times), rng.choice(attributes))
                    for _ in range(rng.randint(0, 2))
                ),
                links=tuple(Link(other.trace_id, other.span_id, rng.choice(attributes)) for other in linked),
                failed=rng.random() < 0.3,
                message=rng.choice(["", rng.choice(names)]),
            )
            ids.append(span.span_id)
            spans.append(span)
    return spans


def _near(rng: random.Random, times: list[int]) -> int:
    return rng.choice(times) + rng.choice([0, rng.randint(0, 1_000), rng.randint(0, 10**9)])
