"""The layout: what stands at the top level, and the public names of each room. A change here is a change for users."""

import ast
import importlib
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOP_LEVEL = {"pyproject.toml", "emulator", "deploy", "tests", "README.md", "CHANGELOG.md"}
LONGEST_TEST_NAME = len("test_") + 70

PUBLIC_NAMES = {
    "emulator.broker": ["Broker", "Depth"],
    "emulator.doctor": ["CheckResult", "Level", "Setup", "diagnose"],
    "emulator.faults": ["FAULTS", "Effect", "Fault", "fault_tree", "find_fault"],
    "emulator.load": [
        "SERVERS_AT_ONCE",
        "Limits",
        "LoadReport",
        "NoCloud",
        "Plan",
        "Tally",
        "Tenant",
        "arrivals",
        "run_load",
    ],
    "emulator.reference": ["registry_folder", "span_catalogue", "tree_names", "tree_text"],
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
    "spantree.render.terminal": ["Waterfall", "columns", "lay_out", "printer", "waterfall"],
    "spantree.tail": [
        "LINE_SIGNALS",
        "VIEW_SIGNALS",
        "Inbox",
        "KeptTraces",
        "Screen",
        "State",
        "json_line",
        "print_lines",
        "text_line",
        "view",
        "wakeup",
    ],
    "spantree": [
        "NORMALISED",
        "RULES",
        "DataPoint",
        "Difference",
        "Duration",
        "Durations",
        "Event",
        "Exemplar",
        "Expectation",
        "Finding",
        "Hop",
        "JaegerUnavailable",
        "LateSpans",
        "Link",
        "LogRecord",
        "MalformedJaeger",
        "MalformedOtlp",
        "Metric",
        "Mismatch",
        "NoDataPoint",
        "NoHop",
        "NotOne",
        "NotOneLog",
        "NotOneMetric",
        "NotOneTrace",
        "NotReceived",
        "OtlpReceiver",
        "Pending",
        "Placeholder",
        "Segment",
        "Span",
        "SpanTree",
        "Spans",
        "Tracing",
        "delivery",
        "escaped",
        "in_process_tracing",
        "jaeger_json",
        "jaeger_spans",
        "join_linked",
        "ms",
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


def tracked_files() -> list[str]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git checkout, so which files belong to it is unknown")
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True, text=True)  # noqa: S603, S607
    return [name for name in listed.stdout.split("\0") if name]


def test_the_top_level_holds_only_what_belongs_there() -> None:
    top = {name.split("/")[0] for name in tracked_files()}
    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL


def test_names_of_tests_can_be_read_at_a_glance() -> None:
    files = [ROOT / name for name in tracked_files() if name.startswith("tests/") and name.endswith(".py")]
    defined = [node for file in files if file.exists() for node in ast.walk(ast.parse(file.read_text()))]
    named = [node.name for node in defined if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [name for name in named if name.startswith("test_") and len(name) > LONGEST_TEST_NAME] == []
