"""Spans as trees, from any source and for anyone: this room imports nothing of the rest of the emulator."""

from spantree.critical_path import Segment
from spantree.expectation import (
    NORMALISED,
    Difference,
    Expectation,
    Mismatch,
    Placeholder,
    tree,
    updated_tree_files,
)
from spantree.formats.jaeger_json import MalformedJaeger, jaeger_json, spans_from_jaeger_json
from spantree.formats.jaeger_query import JaegerUnavailable, jaeger_spans
from spantree.formats.otlp_json import MalformedOtlp, otlp_json, spans_from_json
from spantree.formats.otlp_protobuf import spans_from_protobuf
from spantree.formats.sdk import spans_from_sdk
from spantree.hops import Hop, NoHop, delivery, receives, sends
from spantree.lint import RULES, Finding
from spantree.notation import escaped, write_value
from spantree.queries import NotOne
from spantree.receiver import NotReceived, OtlpReceiver, Pending
from spantree.span import Event, Link, Span
from spantree.span_tree import SpanTree, join_linked, trees

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
    "escaped",
    "jaeger_json",
    "jaeger_spans",
    "join_linked",
    "otlp_json",
    "receives",
    "sends",
    "spans_from_jaeger_json",
    "spans_from_json",
    "spans_from_protobuf",
    "spans_from_sdk",
    "tree",
    "trees",
    "updated_tree_files",
    "write_value",
]
