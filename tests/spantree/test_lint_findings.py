"""Findings have severities, are grouped with a count, and can be ignored: by argument, by option, in pyproject.toml."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from spantree import RULES, Event, Finding, Span, SpanTree, otlp_json
from spantree.cli.commands import COMMANDS
from spantree.cli.lazy import application
from spantree.project import project_file
from tests.support.spans import a_span

BANK = {"service.name": "bank"}
CALL = {"http.request.method": "GET", "http.response.status_code": 200}
ORPHANS = [a_span(1), a_span(3, 9, "pay"), a_span(4, 9, "pay"), a_span(5, 8, "GET /pay/[id]", resource=BANK)]


def check(*spans: Span, **more: object) -> list[Finding]:
    return SpanTree(spans).check(**more)  # type: ignore[arg-type]


def test_by_default_only_errors_are_found() -> None:
    call = a_span(2, 1, kind="client", attributes={**CALL, "http.method": "GET"})
    assert check(a_span(1), call) == []
    assert [finding.rule for finding in check(a_span(1), call, at_least="warning")] == ["client-without-server"]
    assert {finding.rule: finding.severity for finding in check(a_span(1), call, at_least="advice")} == {
        "client-without-server": "warning",
        "missing-resource": "advice",
        "deprecated-attribute": "advice",
    }
    assert set(RULES.values()) == {"error", "warning", "advice"}


def test_an_unknown_severity_is_an_error_that_lists_them() -> None:
    with pytest.raises(ValueError, match="'errors' is not a severity: write error, warning or advice"):
        check(a_span(1), at_least="errors")


def test_one_call_cannot_be_too_many() -> None:
    with pytest.raises(ValueError, match="1 is not a number above 1"):
        check(a_span(1), n_plus_one=1)


def test_spans_with_the_same_remedy_are_one_finding_with_a_count() -> None:
    calls = [a_span(number, 1, kind="client", attributes=CALL, end=900) for number in range(2, 501)]
    calls[-1] = replace(calls[-1], resource=BANK)
    [finding] = check(a_span(1), *calls, at_least="warning", ignore=["no-carrier"])
    assert (finding.count, finding.services, finding.span) == (499, ["shop", "bank"], finding.spans[0])
    assert str(finding).splitlines()[0].endswith("no server span is below it (×499 in shop, bank)")


def test_findings_with_different_remedies_stay_apart() -> None:
    attributes = {"http.method": "GET", "http.flavor": "1.1"}
    found = check(*(a_span(number, number - 1, attributes=attributes) for number in (1, 2)), at_least="advice")
    assert [(finding.rule, finding.count) for finding in found] == [
        ("missing-resource", 2),
        ("deprecated-attribute", 2),
        ("deprecated-attribute", 2),
    ]


@pytest.mark.parametrize(
    ("ignored", "left"),
    [
        ("orphan", []),
        ("*", []),
        ("orphan:*:*", []),
        ("orphan:shop", ["bank"]),
        ("orphan:sh?p", ["bank"]),
        ("*:bank", ["shop", "shop"]),
        ("orphan:shop:p*y", ["bank"]),
        ("orphan::pay", ["bank"]),
        ("orphan:shop:pa", ["shop", "shop", "bank"]),
        ("orphan:bank:GET /pay/[id]", ["shop", "shop"]),
        ("circle", ["shop", "shop", "bank"]),
    ],
)
def test_a_rule_is_ignored_everywhere_or_by_service_and_by_name(ignored: str, left: list[str]) -> None:
    assert [span.service for finding in check(*ORPHANS, ignore=[ignored]) for span in finding.spans] == left


def test_a_text_in_place_of_a_list_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"ignore is the text 'orphan': write a list, \['orphan'\]"):
        check(*ORPHANS, ignore="orphan")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Make a project with this configuration the current one."""
    file = tmp_path / "pyproject.toml"

    def configure(section: str) -> Path:
        file.write_text(f"[tool.spantree]\n{section}\n")
        return file

    token = project_file.set(file)
    yield configure
    project_file.reset(token)


def test_the_project_says_what_is_ignored_and_what_fails(project: Callable[[str], Path]) -> None:
    project('ignore = ["orphan:shop"]\nfail-on = "advice"')
    assert [(finding.rule, finding.services) for finding in check(*ORPHANS)] == [
        ("orphan", ["bank"]),
        ("missing-resource", ["shop", "bank"]),
    ]


def test_an_argument_takes_the_place_of_what_the_project_says(project: Callable[[str], Path]) -> None:
    project('ignore = ["orphan"]\nfail-on = "advice"\nn-plus-one = 2')
    assert [finding.rule for finding in check(*ORPHANS, ignore=[], at_least="error")] == ["orphan", "orphan"]
    queries = [
        a_span(number, 1, "SELECT", kind="client", end=number, attributes={"db.query.text": "SELECT a"})
        for number in (2, 3)
    ]
    assert "n-plus-one" in {finding.rule for finding in check(a_span(1), *queries)}
    assert "n-plus-one" not in {finding.rule for finding in check(a_span(1), *queries, n_plus_one=3)}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("fail_on = 'error'", "tool.spantree.fail_on: there is no such key; did you mean fail-on?"),
        ("rules = []", "tool.spantree.rules: there is no such key; the keys are ignore, fail-on, registry, n-plus-one"),
        ("fail-on = 'never'", "tool.spantree.fail-on: 'never' is not a severity: write error, warning or advice"),
        ("ignore = ['orphans']", "tool.spantree.ignore: there is no rule orphans; the rules are orphan,"),
        ("ignore = 'orphan'", "tool.spantree.ignore: 'orphan' is not a list of texts"),
        ("registry = ['nowhere']", "tool.spantree.registry: there is no file or folder "),
        ("n-plus-one = 1", "tool.spantree.n-plus-one: 1 is not a number above 1"),
        ("n-plus-one = true", "tool.spantree.n-plus-one: True is not a number above 1"),
        ("ignore = [", "is not TOML: "),
    ],
)
def test_a_wrong_setting_names_the_file_and_the_key(
    project: Callable[[str], Path], section: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project(section)
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is what matters
        check(a_span(1))
    assert str(raised.value).startswith(f"{file}: {message}")
    monkeypatch.chdir(file.parent)
    ended = spantree("check", "-", text="[]")
    assert ended.exit_code == 2
    assert f"{file}: {message}" in ended.output


def spantree(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(application("spantree", "1", "", COMMANDS), arguments, input=text)


def test_a_command_reads_the_nearest_project_above_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.spantree]\nignore = ["orphan:shop:pay"]\n')
    inner = tmp_path / "package" / "tests"
    inner.mkdir(parents=True)
    (tmp_path / "package" / "pyproject.toml").write_text("[tool.other]\n")
    monkeypatch.chdir(inner)
    before = project_file.get()

    def saved(spans: list[Span]) -> str:
        (inner / "spans.json").write_text(json.dumps(otlp_json(spans)))
        return "spans.json"

    assert spantree("check", saved(ORPHANS[:3])).exit_code == 0
    assert spantree("check", saved(ORPHANS)).exit_code == 1
    assert spantree("check", saved(ORPHANS[:3]), "--ignore", "circle").exit_code == 1
    assert project_file.get() == before


def test_an_event_of_a_span_counts_as_the_span() -> None:
    spans = [a_span(1, attributes={"http.method": "GET"}, events=(Event("again", 1, {"http.method": "GET"}),))]
    [finding] = check(*spans, ignore=["missing-resource"], at_least="advice")
    assert finding.count == 1
