"""Spans as trees, from any source and for anyone: this room imports nothing of the rest of the emulator."""

from emulator.traces.critical_path import Segment
from emulator.traces.expectation import (
    NORMALISED,
    Difference,
    Expectation,
    Mismatch,
    Placeholder,
    tree,
    updating_trees,
)
from emulator.traces.gathering import gathered
from emulator.traces.hops import Hop, NoHop, delivery, receives, sends
from emulator.traces.line import visible, write_value
from emulator.traces.receiver import NotReceived, OtlpReceiver, Pending
from emulator.traces.selection import NotOne
from emulator.traces.soundness import RULES, Finding
from emulator.traces.sources.jaeger import JaegerUnavailable, jaeger_spans
from emulator.traces.sources.jaeger_document import jaeger_json
from emulator.traces.sources.jaeger_json import MalformedJaeger, spans_from_jaeger_json
from emulator.traces.sources.otlp import MalformedOtlp, spans_from_json
from emulator.traces.sources.otlp_document import otlp_json
from emulator.traces.sources.otlp_protobuf import spans_from_protobuf
from emulator.traces.sources.sdk import spans_from_sdk
from emulator.traces.span import Event, Link, Span
from emulator.traces.span_tree import SpanTree, trees

__all__ = [
    "NORMALISED",
    "RULES",
    "Difference",
    "Event",
    "Expectation",
    "Finding",
    "Hop",
    "JaegerUnavailable",
    "Link",
    "MalformedJaeger",
    "MalformedOtlp",
    "Mismatch",
    "NoHop",
    "NotOne",
    "NotReceived",
    "OtlpReceiver",
    "Pending",
    "Placeholder",
    "Segment",
    "Span",
    "SpanTree",
    "delivery",
    "gathered",
    "jaeger_json",
    "jaeger_spans",
    "otlp_json",
    "receives",
    "sends",
    "spans_from_jaeger_json",
    "spans_from_json",
    "spans_from_protobuf",
    "spans_from_sdk",
    "tree",
    "trees",
    "updating_trees",
    "visible",
    "write_value",
]
