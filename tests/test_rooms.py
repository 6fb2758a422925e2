"""The public names of each room. A change here is a change for its users."""

import importlib

import pytest

PUBLIC_NAMES = {
    "emulator.broker": ["Broker", "Depth"],
    "emulator.doctor": ["Case", "Finding", "Level", "examine"],
    "emulator.faults": ["FAULTS", "Effect", "Fault", "fault_tree", "find_fault"],
    "emulator.load": ["SERVERS_AT_ONCE", "NoCloud", "Plan", "Tally", "Tenant", "arrivals", "run_load"],
    "emulator.reference": ["span_catalogue", "tree_names", "tree_text"],
    "emulator.console": ["MOST_REQUESTS", "RequestLog", "console"],
    "spantree.render": [
        "PLAIN",
        "Vocabulary",
        "duration",
        "failure",
        "headline",
        "service_colours",
        "step_label",
        "title",
        "trace_to_show",
    ],
    "spantree.render.html": [
        "asset",
        "hash_source",
        "html_document",
        "json_for_html",
        "policy",
        "waterfall_model",
        "waterfall_script",
    ],
    "spantree.render.perfetto": ["perfetto"],
    "spantree.render.sequence": [
        "Activation",
        "Diagram",
        "DiagramItem",
        "Message",
        "Note",
        "Participant",
        "mermaid",
        "sequence",
        "sequence_svg",
    ],
    "spantree.render.service_map": ["Edge", "Node", "ServiceMap", "service_map", "service_map_svg"],
    "spantree.render.terminal": ["columns", "printer", "waterfall"],
    "spantree": [
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
    ],
}


@pytest.mark.parametrize("room", PUBLIC_NAMES)
def test_a_room_exports_exactly_these_names(room: str) -> None:
    module = importlib.import_module(room)
    assert (
        module.__all__ == PUBLIC_NAMES[room] == sorted(PUBLIC_NAMES[room], key=lambda name: (not name.isupper(), name))
    )
    assert all(hasattr(module, name) for name in module.__all__)
