"""The rooms' doors: what each offers to the others and to users. A change here is a change for them."""

import importlib

import pytest

DOORS = {
    "emulator.broker": ["Broker", "Depth"],
    "emulator.doctor": ["Case", "Finding", "Level", "examine"],
    "emulator.faults": ["FAULTS", "Effect", "Fault", "fault_tree", "find_fault"],
    "emulator.load": ["SERVERS_AT_ONCE", "NoCloud", "Plan", "Tally", "Tenant", "arrivals", "run_load"],
    "emulator.reference": ["span_catalogue", "tree_names", "tree_text"],
    "emulator.console": ["MOST_REQUESTS", "RequestLog", "console"],
    "spantree.render": ["duration", "failure", "headline", "most_telling", "service_colours", "step_number", "title"],
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
        "Actor",
        "Bar",
        "Diagram",
        "Item",
        "Message",
        "Note",
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


@pytest.mark.parametrize("room", DOORS)
def test_a_room_offers_this_and_no_more(room: str) -> None:
    module = importlib.import_module(room)
    assert module.__all__ == DOORS[room] == sorted(DOORS[room], key=lambda name: (not name.isupper(), name))
    assert all(hasattr(module, name) for name in module.__all__)
