"""The reports of failed tests: each trace once, the whole difference, files, annotations, and tracebacks."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from spantree import spans_from_json
from tests.spantree.test_pytest_plugin import run, shared_modules, theirs
from tests.support.browser import a_browser, complaints_of, needs_chromium

__all__ = ["shared_modules", "theirs"]

TRACES = """
import asyncio, json
from urllib.request import Request, urlopen
from spantree import Span, SpanTree, otlp_json, tree

SHOP = {"service.name": "shop"}

def a_trace(digit="1", steps=8):
    root = Span(digit * 32, "a" * 16, "", "order", "server", 0, 100, resource=SHOP)
    below = [Span(digit * 32, f"{n:016x}", "a" * 16, f"step {n}", "internal", n, n + 1, resource=SHOP)
             for n in range(1, steps + 1)]
    return [root, *below]

def send(otlp, spans):
    body = json.dumps(otlp_json(spans)).encode()
    urlopen(Request(f"{otlp.endpoint}/v1/traces", body, {"Content-Type": "application/json"})).close()

WRONG = tree("shop: order (server)\\n" + "".join(f"  shop: step {n}\\n" for n in (2, 3, 4, 6, 7, 8, 10, 12)))
EXACT = tree("shop: order (server)\\n  shop: step 1")
OTHER_KIND = tree("shop: order (server)\\n  shop: step 1 (client)")
"""
DIFFERS = (
    TRACES
    + """
def test_differs(otlp):
    send(otlp, a_trace())
    assert otlp.trace().wait() == WRONG
"""
)
TRACE = "1" * 32


def failure_in(file: Path) -> ET.Element:
    [failure] = ET.parse(file).getroot().iter("failure")  # noqa: S314 - our own
    return failure


@pytest.mark.parametrize(
    "options", [(), ("-n", "1"), ("--color=yes",), ("--show-capture=no",), ("--tb=short",)], ids=str
)
def test_junit_xml_has_the_whole_difference_without_colours(theirs: pytest.Pytester, options: tuple[str, ...]) -> None:
    result = run(theirs, DIFFERS, "--junitxml", "report.xml", *options)
    result.assert_outcomes(failed=1)
    failure = failure_in(theirs.path / "report.xml")
    assert "first difference" in str(failure.get("message"))
    assert "-   shop: step 12" in str(failure.text)
    assert "#x1B" not in str(failure.text)
    result.stdout.fnmatch_lines(["*- the whole difference -*", "*-   shop: step 12*"])


def test_a_small_difference_is_told_once_and_whole(theirs: pytest.Pytester) -> None:
    code = TRACES + "\ndef test_differs(): assert SpanTree(a_trace(steps=2)) == tree('shop: order (server)')"
    result = run(theirs, code)
    assert result.stdout.str().count("+   shop: step 2") == 1
    result.stdout.no_fnmatch_line("*the whole difference*")


CASES = {
    "==": "assert otlp.trace().wait() == WRONG",
    "matches": "otlp.trace().wait().matches(WRONG)",
    "time-out": "otlp.trace(expecting=WRONG, timeout=0.1).wait()",
}


@pytest.mark.parametrize("case", CASES)
def test_a_trace_that_the_failure_shows_is_not_drawn_again(theirs: pytest.Pytester, case: str) -> None:
    code = TRACES + f"\ndef test_it(otlp):\n    send(otlp, a_trace(steps=3))\n    {CASES[case]}\n"
    result = run(theirs, code)
    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    assert shown.count("shop: step 1\n") + shown.count("shop: step 1 ") == 1 + (case == "==")  # there in short, too


def test_a_trace_that_the_failure_does_not_show_is_drawn(theirs: pytest.Pytester) -> None:
    code = (
        TRACES
        + """
def test_one(otlp):
    send(otlp, a_trace())
    otlp.trace().wait().one("bank")

def test_check(otlp):
    send(otlp, a_trace()[1:])
    assert otlp.traces[0].check() == []
"""
    )
    result = run(theirs, code)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([*("*- traces received: 1 -*", f"trace {TRACE}", "*shop: step 8") * 2])


def test_many_traces_are_listed_with_a_line_each(theirs: pytest.Pytester) -> None:
    code = (
        TRACES
        + """
def test_many(otlp):
    for digit in "123456789abcdef":
        send(otlp, a_trace(digit, 2))
    assert False
"""
    )
    result = run(theirs, code)
    result.stdout.fnmatch_lines(
        ["*- traces received: 15 -*", f"trace {TRACE}, 3 spans: shop: order (server)", f"trace {'f' * 32}, 3 spans: *"]
    )
    result.stdout.no_fnmatch_line("*step 2*")


def test_a_difference_that_a_test_expects_is_not_reported(theirs: pytest.Pytester) -> None:
    code = (
        TRACES
        + """
import pytest

def test_it():
    with pytest.raises(AssertionError):
        assert SpanTree(a_trace()) == WRONG
    assert 1 == 2
"""
    )
    result = run(theirs, code)
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*the whole difference*")


FAILING = {
    "wait": "def test_it(otlp):\n    otlp.trace(timeout=0.01).wait()",
    "await": "async def test_it(otlp):\n    await otlp.trace(timeout=0.01)",
    "await expecting": "async def test_it(otlp):\n    await otlp.trace(expecting=WRONG, timeout=0.01)",
    "fail at once": "def test_it(otlp):\n    send(otlp, a_trace())\n    otlp.trace(expecting=OTHER_KIND).wait()",
    "await and fail": "async def test_it(otlp):\n    send(otlp, a_trace())\n    await otlp.trace(expecting=OTHER_KIND)",
    "matches": "async def test_it():\n    SpanTree(a_trace()).matches(WRONG)",
    "one": "def test_it():\n    SpanTree(a_trace()).one('bank')",
    "group": """async def test_it(otlp):
    async with asyncio.TaskGroup() as group:
        group.create_task(waits(otlp))

async def waits(otlp):
    await otlp.trace(timeout=0.01)""",
}


@pytest.mark.parametrize("style", ["long", "short", "native", "auto"])
def test_tracebacks_end_in_the_test_and_show_nothing_of_ours(theirs: pytest.Pytester, style: str) -> None:
    for name, code in FAILING.items():
        result = run(theirs, f"{TRACES}\n{code}\n", f"--tb={style}")
        result.assert_outcomes(failed=1)
        shown = result.stdout.str()
        places = re.findall(r'File "([^"]+)", line|^([^\s:]+\.py):\d+: ', shown, re.MULTILINE)
        files = [first or second for first, second in places]
        assert not [file for file in files if "spantree/src" in file or "concurrent/futures" in file], (name, shown)
        assert files[-1].endswith("test_theirs.py"), (name, shown)
        assert re.search(r"\bspantree\.(NotReceived|Mismatch|NotOne): ", shown), (name, shown)
        assert "During handling" not in shown
        assert "direct cause" not in shown


def test_spans_that_come_too_late_are_reported_without_a_traceback(theirs: pytest.Pytester) -> None:
    code = """
def test_it(otlp):
    send(otlp, a_trace(steps=1))
    assert otlp.trace(expecting=EXACT).wait() == EXACT
    send(otlp, a_trace(steps=2)[2:])
"""
    result = run(theirs, TRACES + code)
    result.assert_outcomes(passed=1, errors=1)
    lines = [line for line in result.outlines if line]
    start = next(number for number, line in enumerate(lines) if "ERROR at teardown" in line)
    assert lines[start + 1] == f"trace {TRACE} was as expected when the test looked at it, but 1 span came later:"
    assert "+   shop: step 2   ← first difference: not expected" in result.stdout.str()


def test_a_bug_of_ours_keeps_its_traceback(theirs: pytest.Pytester) -> None:
    code = TRACES + "\ndef test_it():\n    SpanTree([1])"
    run(theirs, code, "--tb=native").stdout.fnmatch_lines(["*spantree/*.py*", "AttributeError: *"])


@pytest.mark.parametrize("options", [("--trace-reports", "out"), ("-o", "trace_reports=out")], ids=["option", "ini"])
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_the_traces_of_a_failed_test_are_written_and_named(
    theirs: pytest.Pytester, options: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    code = (
        TRACES
        + """
import pytest

@pytest.mark.parametrize("name", ["a/b: <c>", "A/B: <c>"])
def test_differs(otlp, name):
    send(otlp, a_trace())
    assert otlp.trace().wait() == WRONG

def test_passes(otlp): send(otlp, a_trace())

def test_has_no_traces(otlp): assert False
"""
    )
    first = run(theirs, code, *options, *workers)
    first.assert_outcomes(failed=3, passed=1)
    written = sorted(file.name for file in (theirs.path / "out").iterdir())
    assert len(written) == 4
    assert len({name.lower() for name in written}) == 4
    assert all(
        re.fullmatch(r"test_theirs\.py-test_differs-[aA]-[bB]-c-[0-9a-f]{8}\.(html|json)", each) for each in written
    )
    for name in written:
        assert f"out/{name}" in first.stdout.str()
        text = (theirs.path / "out" / name).read_text()
        if name.endswith("json"):
            assert {span.trace_id for span in spans_from_json(text)} == {TRACE}
        else:
            assert "step 8" in text
    run(theirs, code, *options)
    assert sorted(file.name for file in (theirs.path / "out").iterdir()) == written


def test_files_of_very_large_traces_are_cut_and_say_so(theirs: pytest.Pytester) -> None:
    code = (
        TRACES
        + """
def test_large(request):
    from spantree.pytest_plugin import show_if_failed
    show_if_failed(request, lambda: [SpanTree(a_trace(steps=10_500)), SpanTree(a_trace("2"))])
    assert False
"""
    )
    result = run(theirs, code, "--trace-reports", "out")
    result.stdout.fnmatch_lines(
        [
            f"of trace {TRACE} the files hold the first 10000 of 10501 spans",
            "the files leave out 1 more trace: they hold 10000 spans",
        ]
    )
    [file] = (theirs.path / "out").glob("*.json")
    assert len(list(spans_from_json(file.read_text()))) == 10_000


def test_a_folder_that_cannot_be_written_is_named_in_the_report(theirs: pytest.Pytester) -> None:
    (theirs.path / "out").write_text("a file")
    result = run(theirs, DIFFERS, "--trace-reports", "out")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- trace report -*", "cannot be written: *out*"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_pytest_html_shows_the_waterfalls(theirs: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytest.importorskip("pytest_html", reason="pytest-html is not installed")
    result = run(theirs, DIFFERS, "--html", "report.html", *workers)
    result.assert_outcomes(failed=1)
    page = (theirs.path / "report.html").read_text()
    assert "iframe sandbox" in page
    assert page.count("step 8") > 1


@needs_chromium
async def test_a_browser_draws_the_waterfall_in_the_page_of_pytest_html(theirs: pytest.Pytester) -> None:
    pytest.importorskip("pytest_html", reason="pytest-html is not installed")
    run(theirs, DIFFERS, "--html", "report.html", "--self-contained-html")
    async with a_browser() as browser:
        page = await browser.new_page()
        complaints = complaints_of(page)
        await page.goto((theirs.path / "report.html").as_uri())
        await page.frame_locator("iframe").get_by_text("step 8").first.wait_for()
        assert complaints == []


def annotations(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.startswith("::")]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_github_gets_one_annotation_for_a_failure_about_traces(
    theirs: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(theirs.path))
    code = DIFFERS + "\ndef test_other(): assert 1 == 2\n"
    [annotation] = annotations(run(theirs, code, "--color=yes", *workers))
    line = 1 + next(number for number, text in enumerate(DIFFERS.strip().splitlines()) if "== WRONG" in text)
    begin = f"::error file=test_theirs.py,line={line},title=test_theirs.py%3A%3Atest_differs::"
    assert annotation.startswith(begin), annotation
    message = annotation.removeprefix(begin)
    assert "%0A" in message
    assert "first difference" in message
    assert "\x1b" not in message


@pytest.mark.parametrize("name", [name for name in FAILING if name != "group"])
def test_each_kind_of_failure_about_traces_is_annotated(
    theirs: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert len(annotations(run(theirs, f"{TRACES}\n{FAILING[name]}\n"))) == 1


def test_another_plugin_that_annotates_every_failure_is_left_to_it(
    theirs: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    name = "pytest_github_actions_annotate_failures"
    theirs.makeconftest(f"def pytest_configure(config): config.pluginmanager.register(object(), {name!r})")
    assert annotations(run(theirs, DIFFERS)) == []


def test_outside_of_github_nothing_is_annotated(theirs: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert annotations(run(theirs, DIFFERS)) == []


def test_the_spans_of_a_report_are_json_that_other_tools_read(theirs: pytest.Pytester) -> None:
    run(theirs, DIFFERS, "--trace-reports", "out")
    [file] = (theirs.path / "out").glob("*.json")
    assert "resourceSpans" in json.loads(file.read_text())
