"""The commands at a Jaeger: they read every trace within their limits, say when there are more, and follow links."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from spantree import Link, OtlpReceiver, Pending, Span, SpanTree
from spantree.cli.commands import COMMANDS
from spantree.cli.lazy import application
from spantree.cli.program import current
from tests.support.jaeger import FakeJaeger, answering
from tests.support.jaeger_storage import Stored, copies
from tests.support.processes import run
from tests.support.spans import a_span

SECOND = 10**9
EXPECTED = "shop: root\n  shop: child\n"
BOOT_TREE = Path(__file__).parents[3] / "emulator" / "reference" / "boot.tree"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def expected(tmp_path: Path) -> str:
    (tmp_path / "shop.tree").write_text(EXPECTED)
    return str(tmp_path / "shop.tree")


def spantree(*arguments: str) -> Result:
    return CliRunner().invoke(application("spantree", "1", "", COMMANDS), arguments)


def set_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Set the variable of an option: which program names it depends on the tests that ran before in this process."""
    for prefix in ("SPANTREE", "EMULATOR"):
        monkeypatch.setenv(f"{prefix}_{name}", value)


def order(number: int, *, complete: bool = True, ago: float = 60) -> list[Span]:
    spans = [a_span(1, name="root"), a_span(2, 1, "child")]
    return copies(spans[: 1 + complete], f"{number:032x}", time.time_ns() - round(ago * SECOND))


def orders(number_of: int) -> list[Span]:
    return [span for number in range(number_of, 0, -1) for span in order(number, ago=number + 60)]


def at_jaeger(spans: Sequence[Span], command: str, *arguments: str) -> Result:
    with answering(Stored(lambda: spans)) as jaeger:
        return spantree(command, jaeger.url, *arguments)


async def test_a_failed_boot_before_25_good_ones_is_a_red_check(boot: Callable[..., Pending[SpanTree]]) -> None:
    good, failed = await boot(), await boot(flavor="m1.huge")
    spans = copies(failed.spans, "f" * 32, time.time_ns() - 600 * SECOND)
    for number in range(1, 26):
        spans += copies(good.spans, f"{number:032x}", time.time_ns() - (600 - number) * SECOND)
    checked = at_jaeger(spans, "check", "--expect", str(BOOT_TREE), "--timeout", "0")
    assert checked.exit_code == 1
    assert checked.output.count("is as expected\n") == 25
    assert checked.output.count(f"✗ trace {'f' * 32}, {len(failed)} spans, is not as expected\n") == 1
    assert checked.stderr == ""


def test_every_command_reads_all_traces_up_to_the_default_limit() -> None:
    spans = orders(1000)
    assert "of 1000 this is" in at_jaeger(spans, "convert", "--to", "tree").stderr
    assert at_jaeger(spans, "show", "--tree").stdout.count("# trace ") == 1000


def test_a_map_counts_all_traces_and_says_when_there_are_more(tmp_path: Path) -> None:
    ended = at_jaeger(orders(31), "show", "--map", str(tmp_path / "map.svg"), "--limit", "30")
    assert (ended.exit_code, ended.stdout) == (0, "")
    says = rf"{current().name}: http://[0-9.:]+ has more such traces than the 30 latest ones, .*; raise --limit, .*\n"
    assert re.fullmatch(says, ended.stderr)
    assert "30" in (tmp_path / "map.svg").read_text()


@pytest.mark.parametrize("arguments", [[], ["--expect", "{expected}"]], ids=["sound", "expected"])
def test_a_check_fails_when_there_are_more_traces_than_the_limit(
    arguments: list[str], expected: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.xml"
    asked = [argument.format(expected=expected) for argument in arguments] or ["--ignore", "missing-resource"]
    checked = at_jaeger(orders(31), "check", *asked, "--limit", "30", "--junit", str(file))
    assert checked.exit_code == 1
    assert checked.stdout.count("✓ ") == 30
    missing = r"http://[0-9.:]+ has more such traces than the 30 latest ones, which were read"
    assert re.search(f"✗ the set of traces is not complete\n{missing}\n", checked.stdout)
    remedy = "raise --limit, shorten --lookback, or choose a --service"
    assert re.fullmatch(f"{current().name}: {missing}; {remedy}\n", checked.stderr), (
        "it is said once, although it asks again"
    )
    suite = ET.parse(file).getroot()[0]  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite[1].get("name")) == (
        "2",
        "1",
        "the set of traces is complete",
    )


@pytest.mark.parametrize("by", ["option", "variable"])
def test_the_limit_may_be_reached_if_that_is_allowed(by: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = ["--allow-limit"] if by == "option" else []
    if by == "variable":
        set_variable(monkeypatch, "ALLOW_LIMIT", "1")
    checked = at_jaeger(orders(31), "check", "--expect", expected, "--limit", "30", *allowed)
    assert (checked.exit_code, checked.stdout.count("✓ "), checked.stdout.count("✗ ")) == (0, 30, 0)
    assert "has more such traces than the 30 latest ones" in checked.stderr


def test_the_limit_does_not_matter_where_one_trace_is_enough(expected: str) -> None:
    asked = ("check", "--expect", expected, "--any", "--limit", "30", "--timeout", "0")
    assert at_jaeger(orders(31), *asked).exit_code == 0
    failed = [span for number in range(1, 32) for span in order(number, complete=False)]
    checked = at_jaeger(failed, *asked)
    assert checked.exit_code == 1
    assert "✗ the set of traces is not complete" in checked.stdout


@pytest.mark.parametrize(
    ("lookback", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 2 * 86_400)], ids=str
)
def test_the_lookback_is_a_length_of_time(lookback: str, seconds: int, expected: str) -> None:
    spans = [*order(1, ago=seconds + 30, complete=False), *order(2, ago=seconds - 30)]
    asked = ("check", "--expect", expected, "--timeout", "0", "--lookback")
    assert at_jaeger(spans, *asked, lookback).exit_code == 0
    assert at_jaeger(spans, *asked, f"{seconds + 60}s").exit_code == 1


def test_the_default_lookback_is_an_hour(expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = [*order(1, ago=3630, complete=False), *order(2, ago=3570)]
    asked = ("check", "--expect", expected, "--timeout", "0")
    assert at_jaeger(spans, *asked).exit_code == 0
    set_variable(monkeypatch, "LOOKBACK", "2h")
    assert at_jaeger(spans, *asked).exit_code == 1


@pytest.mark.parametrize("command", ["check", "show", "convert"])
@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--lookback", "1 h", "'1 h' is not a length of time such as 90s, 15m, 1h or 2d"),
        ("--lookback", "60", "'60' is not a length of time"),
        ("--lookback", "0s", "'0s' is not a length of time"),
        ("--lookback", "-1h", "'-1h' is not a length of time"),
        ("--limit", "0", "0 is not in the range"),
        ("--limit", "many", "'many' is not a valid int"),
    ],
)
def test_an_unusable_limit_or_lookback_is_refused(command: str, option: str, value: str, says: str) -> None:
    to = ["--to", "tree"] if command == "convert" else []
    refused = spantree(command, "http://127.0.0.1:1", *to, f"{option}={value}")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert option in refused.stderr
    assert says in " ".join(refused.stderr.split())


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_search_that_fails_ends_with_one_line_and_status_2(command: str) -> None:
    failing = {"/api/v3/services": (200, '{"services":["shop"]}'), "/api/v3/traces": (504, "upstream\ntimed out")}
    with answering(failing) as jaeger:
        ended = spantree(command, jaeger.url, *(["--timeout", "0"] if command == "check" else []))
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == f"{current().name}: {jaeger.url}/api/v3/traces: HTTP 504: upstream timed out\n"


def linked_orders() -> list[list[Span]]:
    """Return an order, and two traces of consumers: the second follows from the first, which follows from the order."""
    minute_ago = time.time_ns() - 60 * SECOND
    published = replace(a_span(1, name="root"), trace_id="a" * 32, start=minute_ago, end=minute_ago + SECOND)
    first = follower(published, "b", 2, "bank")
    return [[published], [first], [follower(first, "c", 3, "till")]]


def follower(cause: Span, letter: str, number: int, service: str) -> Span:
    links = (Link(cause.trace_id, cause.span_id),)
    start = cause.end + SECOND
    known = a_span(number, name="consume", service=service, kind="consumer", links=links)
    return replace(known, trace_id=letter * 32, start=start, end=start + SECOND)


PARTS = "shop: root\nbank: consume (consumer)\ntill: consume (consumer)\n"
JOINED = "shop: root\n  bank: consume (consumer)\n    till: consume (consumer)\n"


@pytest.mark.parametrize(("tree", "options"), [(PARTS, []), (JOINED, ["--joined"])], ids=["parts", "joined"])
@pytest.mark.parametrize("chosen", [[], ["--trace", "a" * 32], ["--service", "shop"]], ids=["all", "id", "service"])
def test_linked_traces_are_checked_as_one(tree: str, options: list[str], chosen: list[str], tmp_path: Path) -> None:
    (tmp_path / "linked.tree").write_text(tree)
    spans = [span for part in linked_orders() for span in part]
    asked = ("check", "--expect", str(tmp_path / "linked.tree"), *options, *chosen, "--timeout", "0")
    checked = at_jaeger(spans, *asked)
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert checked.stdout.startswith(f"✓ trace {'a' * 32}, ")
    assert at_jaeger(spans[:2], *asked).exit_code == 1, "a missing part is a failure"


@pytest.mark.parametrize("letter", "abc")
def test_a_joined_trace_is_shown_by_the_id_of_any_of_its_parts(letter: str) -> None:
    spans = [*(span for part in linked_orders() for span in part), *order(7)]
    shown = at_jaeger(spans, "show", "--joined", "--tree", "--trace", letter * 32)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout.endswith(JOINED)
    assert shown.stdout.count("# trace ") == 1


def test_traces_that_link_to_each_other_are_shown_once() -> None:
    [[first], [second], _] = linked_orders()
    circle = [replace(first, links=(Link(second.trace_id, second.span_id),)), second]
    shown = at_jaeger(circle, "show", "--joined", "--tree", "--trace", "b" * 32)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout.count("# trace ") == 1
    assert "shop: root" in shown.stdout
    assert "bank: consume" in shown.stdout


def test_a_check_that_may_have_missed_linked_traces_fails(tmp_path: Path) -> None:
    (tmp_path / "linked.tree").write_text(JOINED)
    spans = [span for part in linked_orders() for span in part]
    crowd = [span for number in range(1, 21) for span in order(number)]
    asked = ("check", "--expect", str(tmp_path / "linked.tree"), "--joined", "--trace", "a" * 32, "--limit", "10")
    checked = at_jaeger([*crowd, *spans], *asked)
    assert checked.exit_code == 1
    assert "✗ the set of traces is not complete" in checked.stdout
    assert (
        "has more traces linked with these, or near them, than the 10 that may be read; raise --limit" in checked.stderr
    )
    assert at_jaeger([*crowd, *spans], *asked, "--allow-limit").exit_code == 0


@pytest.mark.parametrize(("tree", "options"), [(PARTS, []), (JOINED, ["--joined"])], ids=["parts", "joined"])
def test_a_check_waits_until_all_linked_traces_are_there(tree: str, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "linked.tree").write_text(tree)
    parts = linked_orders()
    with answering(Stored(lambda: [span for part in parts[: attempts(jaeger)] for span in part])) as jaeger:
        asked = ("--expect", str(tmp_path / "linked.tree"), *options, "--trace", "a" * 32)
        checked = spantree("check", jaeger.url, *asked)
    assert (checked.exit_code, checked.output.count("✓ ")) == (0, 1)
    assert attempts(jaeger) == 3, "another trace arrived with each attempt"


def attempts(jaeger: FakeJaeger) -> int:
    return sum(asked.path == f"/api/v3/traces/{'a' * 32}" for asked in jaeger.asked)


async def test_boots_in_link_mode_are_checked_and_shown_at_a_jaeger(otlp: OtlpReceiver, jaeger: str) -> None:
    options = ("--messaging-context", "link", "--pace", "0", "--count", "2", "--quiet")
    assert (await run("boot", *options, EMULATOR_OTLP=otlp.endpoint)).status == 0
    for arguments in (["boot-link"], ["boot", "--joined"]):
        checked = await run("check", jaeger, "--expect", *arguments)
        assert (checked.status, checked.err, checked.out.count("is as expected")) == (0, "", 2), checked.out
    for root in [trace for trace in otlp.traces if trace.roots[0].name == "openstack server create"]:
        for arguments in (["boot-link"], ["boot", "--joined"]):
            assert (await run("check", jaeger, "--expect", *arguments, "--trace", root.trace_id)).status == 0
        shown = await run("show", jaeger, "--joined", "--trace", root.trace_id)
        assert (shown.status, shown.err, shown.out.count("select_destinations")) == (0, "", 1)
        assert "spawn" in shown.out
