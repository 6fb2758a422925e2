"""Traces as trees of spans: read them from anywhere, compare them with an expected tree, ask questions, draw them.

Each name is imported when it is first used, so that importing one part of the package costs only that part.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spantree.candidates import NotOne as NotOne
    from spantree.critical_path import Segment as Segment
    from spantree.durations import Duration as Duration
    from spantree.durations import Durations as Durations
    from spantree.durations import ms as ms
    from spantree.expectation import NORMALISED as NORMALISED
    from spantree.expectation import Difference as Difference
    from spantree.expectation import Expectation as Expectation
    from spantree.expectation import Mismatch as Mismatch
    from spantree.expectation import Placeholder as Placeholder
    from spantree.expectation import tree as tree
    from spantree.expectation import updated_tree_files as updated_tree_files
    from spantree.formats.jaeger_json import MalformedJaeger as MalformedJaeger
    from spantree.formats.jaeger_json import jaeger_json as jaeger_json
    from spantree.formats.jaeger_json import spans_from_jaeger_json as spans_from_jaeger_json
    from spantree.formats.jaeger_query import JaegerUnavailable as JaegerUnavailable
    from spantree.formats.jaeger_query import jaeger_spans as jaeger_spans
    from spantree.formats.otlp_json import MalformedOtlp as MalformedOtlp
    from spantree.formats.otlp_json import otlp_json as otlp_json
    from spantree.formats.otlp_json import spans_from_json as spans_from_json
    from spantree.formats.otlp_protobuf import spans_from_protobuf as spans_from_protobuf
    from spantree.formats.sdk import spans_from_sdk as spans_from_sdk
    from spantree.hops import Hop as Hop
    from spantree.hops import NoHop as NoHop
    from spantree.hops import delivery as delivery
    from spantree.hops import receives as receives
    from spantree.hops import sends as sends
    from spantree.in_process import NotOneTrace as NotOneTrace
    from spantree.in_process import Tracing as Tracing
    from spantree.in_process import in_process_tracing as in_process_tracing
    from spantree.lint import RULES as RULES
    from spantree.lint import Finding as Finding
    from spantree.log_record import LogRecord as LogRecord
    from spantree.metric import DataPoint as DataPoint
    from spantree.metric import Exemplar as Exemplar
    from spantree.metric import Metric as Metric
    from spantree.metric import NoDataPoint as NoDataPoint
    from spantree.notation import escaped as escaped
    from spantree.notation import write_value as write_value
    from spantree.receiver import LateSpans as LateSpans
    from spantree.receiver import NotOneLog as NotOneLog
    from spantree.receiver import NotOneMetric as NotOneMetric
    from spantree.receiver import NotReceived as NotReceived
    from spantree.receiver import OtlpReceiver as OtlpReceiver
    from spantree.receiver import Pending as Pending
    from spantree.span import Event as Event
    from spantree.span import Link as Link
    from spantree.span import Span as Span
    from spantree.span_tree import SpanTree as SpanTree
    from spantree.span_tree import join_linked as join_linked
    from spantree.span_tree import trees as trees
    from spantree.spans import Spans as Spans

__version__ = "0.1.0"

_MODULES = {
    "NORMALISED": "expectation",
    "RULES": "lint",
    "DataPoint": "metric",
    "Difference": "expectation",
    "Duration": "durations",
    "Durations": "durations",
    "Event": "span",
    "Exemplar": "metric",
    "Expectation": "expectation",
    "Finding": "lint",
    "Hop": "hops",
    "JaegerUnavailable": "formats.jaeger_query",
    "LateSpans": "receiver",
    "Link": "span",
    "LogRecord": "log_record",
    "MalformedJaeger": "formats.jaeger_json",
    "MalformedOtlp": "formats.otlp_json",
    "Metric": "metric",
    "Mismatch": "expectation",
    "NoDataPoint": "metric",
    "NoHop": "hops",
    "NotOne": "candidates",
    "NotOneLog": "receiver",
    "NotOneMetric": "receiver",
    "NotOneTrace": "in_process",
    "NotReceived": "receiver",
    "OtlpReceiver": "receiver",
    "Pending": "receiver",
    "Placeholder": "expectation",
    "Segment": "critical_path",
    "Span": "span",
    "SpanTree": "span_tree",
    "Spans": "spans",
    "Tracing": "in_process",
    "delivery": "hops",
    "escaped": "notation",
    "in_process_tracing": "in_process",
    "jaeger_json": "formats.jaeger_json",
    "jaeger_spans": "formats.jaeger_query",
    "join_linked": "span_tree",
    "ms": "durations",
    "otlp_json": "formats.otlp_json",
    "receives": "hops",
    "sends": "hops",
    "spans_from_jaeger_json": "formats.jaeger_json",
    "spans_from_json": "formats.otlp_json",
    "spans_from_protobuf": "formats.otlp_protobuf",
    "spans_from_sdk": "formats.sdk",
    "tree": "expectation",
    "trees": "span_tree",
    "updated_tree_files": "expectation",
    "write_value": "notation",
}
"""The module of each public name. A name is here and, for type checkers, in the imports above."""

__all__ = list(_MODULES)

if not TYPE_CHECKING:  # to a type checker every name would seem defined

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_MODULES})
