"""Spans as trees, from any source and for anyone: this room imports nothing of the rest of the emulator."""

from emulator.traces.expectation import Expectation, Mismatch, parse_tree
from emulator.traces.otlp import MalformedOtlp, spans_from_json, spans_from_protobuf
from emulator.traces.readable import spans_from_sdk
from emulator.traces.span import Event, Link, Span
from emulator.traces.tree import SpanTree, trees

__all__ = [
    "Event",
    "Expectation",
    "Link",
    "MalformedOtlp",
    "Mismatch",
    "Span",
    "SpanTree",
    "parse_tree",
    "spans_from_json",
    "spans_from_protobuf",
    "spans_from_sdk",
    "trees",
]
