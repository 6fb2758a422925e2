"""`check` and `show`: traces in files and in a Jaeger, compared and drawn without Python."""

import json
import re
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from spantree import Pending, Span, SpanTree, otlp_json
from spantree.cli.commands import COMMANDS
from spantree.cli.lazy import application
from tests.support.jaeger import answering
from tests.support.processes import run
from tests.support.spans import TRACE, a_span

FAMILY = [a_span(1, name="root"), a_span(2, 1, "first"), a_span(3, 1, "second")]
OTHERS = [a_span(5, name="root", trace_id="f" * 32), a_span(6, 5, "first", trace_id="f" * 32)]
HEARTBEAT = [a_span(7, name="heartbeat", trace_id="e" * 32)]
EXPECTED = "shop: root\n  shop: first\n  shop: second\n"


def spantree(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(application("spantree", "1", "", COMMANDS), arguments, input=text)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Iterable[Span]], str]:
    def save(spans: Iterable[Span], name: str = "spans.json") -> str:
        file = tmp_path / name
        file.write_text(json.dumps(otlp_json(spans)))
        return str(file)

    return save


@pytest.fixture
def expected(tmp_path: Path) -> str:
    (tmp_path / "shop.tree").write_text(EXPECTED)
    return str(tmp_path / "shop.tree")


async def test_a_boot_is_compared_with_the_reference_tree_by_name(tmp_path: Path) -> None:
    file = str(tmp_path / "boots.json")
    assert (await run("boot", "--pace", "0", "--count", "3", "--otlp-json", file)).status == 0
    checked = await run("check", file, "--expect", "boot")
    assert (checked.status, checked.err) == (0, "")
    assert re.fullmatch(r"(✓ trace [0-9a-f]{32}, \d+ spans, is as expected\n){3}", checked.out)
    assert (await run("boot", "--pace", "0", "--image", "nope", "--otlp-json", file)).status == 1
    checked = await run("check", file, "--expect", "boot")
    assert (checked.status, checked.err) == (1, "")
    assert "-               nova-compute: spawn   ← missing\n" in checked.out
    assert "\033[" not in checked.out


def test_every_trace_with_the_expected_root_must_be_as_expected(saved: Callable[..., str], expected: str) -> None:
    file = saved([*HEARTBEAT, *OTHERS, *FAMILY])
    checked = spantree("check", file, "--expect", expected)
    assert checked.exit_code == 1
    assert checked.output.splitlines() == [
        f"✓ trace {TRACE}, 3 spans, is as expected",
        f"✗ trace {'f' * 32}, 2 spans, is not as expected",
        "the trace is not as expected: 1 missing  (- expected, + found)",
        "  shop: root",
        "    shop: first",
        "-   shop: second   ← first difference: missing",
        "",
    ]
    assert spantree("check", file, "--expect", expected, "--any").exit_code == 0
    assert spantree("check", file, "--expect", expected, "--trace", TRACE).exit_code == 0
    assert spantree("check", file, "--expect", expected, "--trace", TRACE.upper()).exit_code == 0
    assert spantree("check", file, "--expect", expected, "--service", "bank").exit_code == 1


def test_roots_may_have_placeholders_and_be_optional(saved: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "orders.tree"
    source = saved([a_span(1, name="GET /orders/6b0e1c9e-6f0f-4f3e-9a39-1d2f6f0c8a11")])
    for text in ("shop: GET /orders/{id}", "shop: never ?\nshop: GET /orders/{id}", "..."):
        file.write_text(text)
        assert spantree("check", source, "--expect", str(file)).exit_code == 0
    assert spantree("show", source, "--tree").output.endswith("\nshop: GET /orders/{id}\n")


def test_a_missing_root_is_a_failure_that_lists_the_roots_found(saved: Callable[..., str], expected: str) -> None:
    checked = spantree("check", saved(HEARTBEAT), "--expect", expected)
    assert checked.exit_code == 1
    assert "✗ the expected trace is not there\nthere is no trace in " in checked.output
    found = "spans.json that begins with shop: root. The traces found begin with:\n  shop: heartbeat"
    assert found in checked.output


def test_a_check_without_any_trace_fails_and_says_so(saved: Callable[..., str]) -> None:
    checked = spantree("check", saved(FAMILY), "--service", "bank")
    assert checked.exit_code == 1
    assert "✗ a trace to check is not there\nthere is no trace with a span of service bank in " in checked.output


def test_without_an_expected_tree_traces_must_be_sound(saved: Callable[..., str]) -> None:
    checked = spantree("check", saved([*FAMILY, a_span(9, 8, "lost")]))
    assert checked.exit_code == 1
    assert "orphan: shop: lost" in checked.output
    assert "→" in checked.output
    known = {"service.name": "shop", "service.version": "1", "service.instance.id": "a"}
    assert spantree("check", saved([a_span(1, resource=known)])).exit_code == 0
    advised = spantree("check", saved([a_span(1)]))
    assert (advised.exit_code, advised.output.count("\nadvice: missing-resource: shop: ")) == (0, 1)
    assert spantree("check", saved([a_span(1)]), "--fail-on", "warning").exit_code == 0
    assert spantree("check", saved([a_span(1)]), "--fail-on", "advice").exit_code == 1
    assert spantree("check", saved([a_span(1)]), "--fail-on", "advice", "--ignore", "missing-resource").exit_code == 0


def test_findings_that_do_not_fail_are_told_once_for_all_traces(saved: Callable[..., str]) -> None:
    bank = {"service.name": "bank"}
    checked = spantree("check", saved([*FAMILY, *OTHERS, a_span(8, resource=bank, trace_id="d" * 32)]))
    assert checked.exit_code == 0
    assert checked.output.count("is sound") == 3
    assert checked.output.count("missing-resource: ") == 1
    assert (
        "advice: missing-resource: shop: root: the resource of shop lacks service.version, service.instance.id (×6 in "
        in (checked.output)
    )
    assert "--ignore" in spantree("check", "--help").output
    only_bank = spantree("check", saved([*FAMILY, a_span(8, resource=bank, trace_id="d" * 32)]), "--ignore", "*:shop")
    assert "missing-resource: bank: " in only_bank.output
    assert "shop: root" not in only_bank.output


def suite_of(file: Path) -> ET.Element:
    return ET.parse(file).getroot()[0]  # noqa: S314 - our own


def test_the_result_is_written_as_junit_xml(saved: Callable[..., str], expected: str, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    strange = a_span(9, 5, "bell\x07 <&>", trace_id="f" * 32)
    spantree("check", saved([*OTHERS, *FAMILY, strange]), "--expect", expected, "--junit", str(file))
    suite = suite_of(file)
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    [test] = suite
    assert test.get("name") == "shop: root is as expected"
    failure, output = test
    assert (
        failure.get("message")
        == "1 of 2: the trace is not as expected: 1 different  (- expected, + found, ~ different)"
    )
    assert f"✗ trace {'f' * 32}, 3 spans, is not as expected\n" in str(failure.text)
    assert "~   shop: second   ← first difference: its name is bell\\u0007 <&>" in str(failure.text)
    assert str(output.text).splitlines() == [
        f"✓ trace {TRACE}, 3 spans, is as expected",
        f"✗ trace {'f' * 32}, 3 spans, is not as expected",
    ]


def test_junit_names_are_the_same_in_each_run(saved: Callable[..., str], tmp_path: Path) -> None:
    def names(*orders: str) -> list[str | None]:
        roots = [a_span(n, name=name, trace_id=f"{n:032x}") for n, name in enumerate(orders, 1)]
        spantree("check", saved([*roots, *HEARTBEAT]), "--junit", str(tmp_path / "report.xml"))
        return [case.get("name") for case in suite_of(tmp_path / "report.xml")]

    first = names("GET /orders/6b0e1c9e-6f0f-4f3e-9a39-1d2f6f0c8a11")
    second = names("GET /orders/0b0e1c9e-6f0f-4f3e-9a39-1d2f6f0c8a12", "GET /orders/123456789")
    assert (
        sorted(map(str, first))
        == sorted(map(str, second))
        == ["shop: GET /orders/{id} is sound", "shop: heartbeat is sound"]
    )


def test_junit_has_the_whole_difference_of_each_trace(saved: Callable[..., str], tmp_path: Path) -> None:
    tree_file, report = tmp_path / "long.tree", tmp_path / "report.xml"
    tree_file.write_text("shop: root\n" + "".join(f"  shop: step {n}\n" for n in range(40)))
    spantree("check", saved([*OTHERS, *FAMILY]), "--expect", str(tree_file), "--junit", str(report))
    [test] = suite_of(report)
    assert str(test[0].text).count("shop: step 39") == 2


def test_github_shows_a_failure_beside_the_expected_tree(
    saved: Callable[..., str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    checked = spantree("check", saved([*OTHERS, *FAMILY]), "--expect", expected)
    [annotation] = [line for line in checked.stdout.splitlines() if line.startswith("::")]
    title = f"✗ trace {'f' * 32}%2C 2 spans%2C is not as expected"
    assert annotation.startswith(f"::error file=shop.tree,line=1,title={title}::the trace is not as expected: ")
    assert "%0A-   shop: second   ← first difference: missing" in annotation


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "nothing.json"], "nothing.json cannot be read: No such file"),
        (["check", "{bad}"], "bad.json: not OTLP JSON"),
        (
            ["check", "{good}", "--expect", "nope"],
            "nope is not a file",
        ),
        (["check", "{good}", "--expect", "{bad}"], ": {bad}: line 1, column 1: a line is of the form `service:"),
        (["check", "{good}", "--trace", "xyz"], "'xyz' is not a trace id: up to 32 hex digits, or a UUID"),
        (["check", "{good}", "--timeout", "nan"], "nan is not a finite number"),
        (["check", "{good}", "--junit", "/nowhere/x.xml"], "cannot be written: No such file"),
        (["check", "http://127.0.0.1:1/", "--timeout", "0"], "http://127.0.0.1:1/api/v3/services: Connection refused"),
        (["show", "http://127.0.0.1:1/"], "Connection refused"),
        (["show", "{good}", "--service", "bank"], "there is no trace with a span of service bank in "),
        (["show", "{good}", "--service", ""], "'' is empty"),
        (["check", "{good}", "--ignore", "all"], "'all' is none of orphan, circle, several-roots"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_unusable_arguments_end_with_a_message_and_status_2(
    saved: Callable[..., str], tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "bad.json").write_text("nonsense")
    places = {"bad": str(tmp_path / "bad.json"), "good": saved(FAMILY)}
    ended = spantree(*(argument.format(**places) for argument in arguments))
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert says.format(**places) in ended.stderr
    assert "Traceback" not in ended.stderr


class SuccessiveAnswers(dict[str, tuple[int, str]]):
    """The answers of a server to each path, one after the other; the last one is repeated."""

    def __init__(self, answers: dict[str, list[tuple[int, str]]]) -> None:
        super().__init__()
        self._answers = {path: deque(texts) for path, texts in answers.items()}

    def get(self, path: str, _: object = None) -> tuple[int, str]:
        texts = self._answers[path]
        return texts.popleft() if len(texts) > 1 else texts[0]


def v3(*spans: Span) -> tuple[int, str]:
    return 200, json.dumps({"result": otlp_json(spans)})


NOTHING = (404, '{"error":{"httpCode":404,"message":"No traces found"}}')


def test_a_jaeger_is_asked_until_the_trace_is_complete(expected: str) -> None:
    answers = {"/api/v3/traces": [(503, "starting"), NOTHING, v3(FAMILY[0]), v3(*FAMILY[:2]), v3(*FAMILY)]}
    with answering(SuccessiveAnswers(answers)) as jaeger:
        checked = spantree("check", jaeger.url, "--expect", expected)
    assert (checked.exit_code, checked.output) == (0, f"✓ trace {TRACE}, 3 spans, is as expected\n")
    assert {asked.query["query.service_name"] for asked in jaeger.asked} == {"shop"}
    assert len(jaeger.asked) == 5


def test_a_trace_that_stays_incomplete_fails_with_the_difference(expected: str) -> None:
    with answering(SuccessiveAnswers({"/api/v3/traces": [v3(*FAMILY[:2])]})) as jaeger:
        checked = spantree("check", jaeger.url, "--expect", expected, "--timeout", "0.2")
        one = spantree("show", f"{jaeger.url}", "--service", "shop")
    assert checked.exit_code == 1
    assert "-   shop: second   ← first difference: missing" in checked.output
    assert "shop    first" in one.output


def test_control_characters_are_escaped(saved: Callable[..., str], tmp_path: Path) -> None:
    evil = "\x1b[2J\r\nroot\u202e"
    attributes = {"a": evil, "error.type": evil, "openstack.boot.step": evil}
    spans = [a_span(1, name=evil, service=evil, failed=True, attributes=attributes), a_span(3, 2, evil)]
    (tmp_path / "evil.tree").write_text('"\\u001b[2J\\r\\nroot\\u202e": root {a=1}')
    for ended in (
        spantree("show", saved(spans)),
        spantree("show", saved(spans), "--tree"),
        spantree("check", saved(spans)),
        spantree("check", saved(spans), "--expect", str(tmp_path / "evil.tree"), "--trace", TRACE),
    ):
        assert "u001b[2J" in ended.output
        assert ended.output.replace("\n", "").isprintable()


def test_a_control_character_leaves_the_rest_of_a_text_readable(saved: Callable[..., str], tmp_path: Path) -> None:
    spans = [a_span(1, name="注文\t👩\u200d👧", service="café\x7f")]
    assert "café\\u007f  注文\\t👩\\u200d👧" in spantree("show", saved(spans)).output
    written = spantree("show", saved(spans), "--tree").output
    assert written.splitlines()[-1] == '"café\\u007f": "注文\\t👩\\u200d👧"'
    (tmp_path / "written.tree").write_text(written)
    assert spantree("check", saved(spans), "--expect", str(tmp_path / "written.tree")).exit_code == 0


def test_show_prints_a_waterfall_or_a_tree(saved: Callable[..., str]) -> None:
    file = saved([*FAMILY, *HEARTBEAT])
    shown = spantree("show", file)
    assert shown.exit_code == 0
    assert f"trace {TRACE} · 3 spans · 1 service · 0.0 ms" in shown.output
    assert re.search(r"^shop    first +█+ ", shown.output, re.MULTILINE)
    as_tree = spantree("show", "-", "--tree", "--trace", TRACE, text=Path(file).read_text())
    assert as_tree.output == f"# trace {TRACE} · 3 spans · 1 service · 0.0 ms\n\n{EXPECTED}"


def test_the_json_that_jaegers_ui_downloads_is_read(tmp_path: Path) -> None:
    span = {"traceID": TRACE, "spanID": "1" * 16, "operationName": "work", "startTime": 1, "duration": 5}
    process = {"processes": {"p1": {"serviceName": "shop"}}}
    file = tmp_path / "jaeger.json"
    file.write_text(json.dumps({"data": [{"spans": [{**span, "processID": "p1"}], **process}]}))
    assert "shop  work" in spantree("show", str(file)).output


async def test_a_failed_boot_is_drawn_like_any_trace(
    boot: Callable[..., Pending[SpanTree]], saved: Callable[..., str]
) -> None:
    trace = await boot(flavor="m1.huge")
    shown = spantree("show", saved(trace.spans))
    assert "select_destinations !NoValidHost" in shown.output
