"""What commands print at terminals, in pipes, and without Unicode or colour."""

import json
import re
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from emulator.faults import FAULTS
from spantree import otlp_json
from tests.support.processes import Ended, run
from tests.support.spans import a_span
from tests.support.terminal import terminal

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])m")
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
FOREIGN = ["café █", "日本語", "👩‍👩‍👧 family", "e\u0301clair", "\x1b[2J", "µ → ∞", "plain"]


def test_a_boot_at_a_terminal_shows_its_state_and_then_the_outcome() -> None:
    with terminal("boot", "web", "--pace", "1") as boot:
        boot.until("web: spawning, ")
        assert boot.ended() == 0
    assert "web: requested, " in boot.written
    assert boot.screen[0].startswith("✓ web is ACTIVE on ")
    assert "spawning" not in "\n".join(boot.screen)
    assert boot.written.rindex(SHOW) > boot.written.rindex(HIDE)


def test_progress_counts_many_boots_until_all_have_ended() -> None:
    with terminal("boot", "--pace", "0.2", "--count", "5") as boot:
        boot.until("5 in progress, ")
        assert boot.ended() == 0
    assert "5 ACTIVE, " in boot.written
    assert [line[:8] for line in boot.screen[:6]] == [*(f"✓ demo-{number}" for number in range(1, 6)), ""]


COUNTING = """
from emulator.client import BootRequest
from emulator.cli.progress import progress

requests = [BootRequest(name) for name in "abcde"]
with progress(requests) as on_progress:
    for request, state in zip(requests, ("ACTIVE", "networking", "ERROR", "spawning")):
        on_progress(request, state)
"""


def test_progress_shows_how_many_boots_are_in_each_state() -> None:
    with terminal("-c", COUNTING, command=[sys.executable]) as counting:
        assert counting.ended() == 0
    assert "1 ACTIVE, 1 ERROR, 3 in progress, " in counting.written


def test_progress_counts_failed_boots() -> None:
    with terminal("boot", "--pace", "0.2", "--count", "2", "--flavor", "m1.huge") as boot:
        assert boot.ended() == 1
    assert "2 ERROR, " in boot.written


@pytest.mark.parametrize("count", ["1", "20"])
def test_ctrl_c_leaves_a_clean_terminal(count: str) -> None:
    with terminal("boot", "--pace", "5", "--count", count) as boot:
        boot.until("demo: spawning" if count == "1" else "20 in progress")
        boot.interrupt()
        assert boot.ended() == 130
    assert not "".join(boot.screen)
    assert boot.written.rindex(SHOW) > boot.written.rindex(HIDE)


LOGGING = """
import logging
from emulator.client import BootRequest
from emulator.cli.progress import progress

logging.basicConfig(format="%(message)s")
with progress([BootRequest()]) as on_progress:
    on_progress(BootRequest(), "networking")
    logging.warning("nova-api has lost the bus")
    on_progress(BootRequest(), "spawning")
logging.warning("and that was all")
"""


def test_log_lines_stand_above_the_progress_and_stay() -> None:
    with terminal("-c", LOGGING, command=[sys.executable]) as logging:
        assert logging.ended() == 0
    assert "spawning" in logging.written
    assert logging.screen == ["nova-api has lost the bus", "and that was all", ""]


@pytest.mark.parametrize(
    ("options", "env"),
    [
        (["--pace", "0.2", "--quiet"], {}),
        (["--pace", "0.2"], {"CI": "true"}),
        (["--pace", "0.2"], {"TERM": "dumb"}),
        (["--pace", "0"], {}),
    ],
    ids=["quiet", "CI", "dumb", "no time"],
)
def test_no_progress_is_shown_if_nobody_could_read_it(options: list[str], env: dict[str, str]) -> None:
    with terminal("boot", *options, env=env) as boot:
        assert boot.ended() == 0
    assert HIDE not in boot.written
    assert "requested, " not in boot.written


def test_progress_goes_to_stderr() -> None:
    with terminal("boot", "--pace", "0.2", piped=True) as boot:
        assert boot.ended() == 0
    assert "demo: " in boot.written
    assert not "".join(boot.screen)


async def test_quiet_prints_one_line_per_server() -> None:
    ended = await run("boot", "--quiet", "--count", "3", "--pace", "0")
    assert (ended.status, ended.err) == (0, "")
    assert re.fullmatch(r"(✓ demo-\d is ACTIVE on compute-\d, [\d.]+, after [\d.]+ m?s\n){3}", ended.out)
    failed = await run("boot", "-q", "--pace", "0", "--fault", "glance.image_missing")
    assert (failed.status, failed.err) == (1, "")
    assert re.fullmatch(r"✗ demo is in ERROR after .*\n", failed.out)


@pytest.mark.parametrize("width", [20, 40, 79, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    with terminal("boot", "--pace", "0", "--fault", "glance.image_missing", width=width) as boot:
        assert boot.ended() == 1
    before_hint = boot.screen[: boot.screen.index("To see it in Jaeger:")]
    assert max(map(cell_len, before_hint)) <= width


@pytest.mark.parametrize("width", [20, 40, 79, 200])
def test_the_list_of_faults_is_complete_at_any_width(width: int) -> None:
    with terminal("faults", width=width) as faults:
        assert faults.ended() == 0
    listed = faults.screen[: next(number for number, line in enumerate(faults.screen) if line.startswith("Try one"))]
    assert max(map(cell_len, listed)) <= width
    assert len(re.findall("ACTIVE|ERROR", "".join(listed))) == len(FAULTS)
    assert all(FAULTS["keystone.slow"].lesson.split()[number] in " ".join(listed) for number in range(5))


def test_a_terminal_gets_colours_unless_it_refuses_them() -> None:
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        with terminal("boot", "--pace", "0", env=env) as boot:
            assert boot.ended() == 0
        assert bool(COLOUR.search(boot.written)) == coloured, env


@pytest.fixture
def foreign(tmp_path: Path) -> str:
    """A file with spans and services whose names are in many scripts, and with an orphan, which fails a check."""
    spans = [
        a_span(number + 1, number and 1, name, name[::-1], failed=number == 3, attributes={name: name})
        for number, name in enumerate(FOREIGN)
    ]
    file = tmp_path / "foreign.json"
    file.write_text(json.dumps(otlp_json([*spans, a_span(99, 98, "orphan é")])))
    return str(file)


@pytest.mark.parametrize(
    "arguments",
    [
        ["boot", "--pace", "0"],
        ["boot", "--pace", "0", "--fault", "glance.image_missing"],
        ["boot", "--pace", "0", "--count", "4", "café"],
        ["faults"],
        ["faults", "--json"],
        ["show", "{foreign}"],
        ["show", "{foreign}", "--expand"],
        ["check", "{foreign}"],
        ["check", "{foreign}", "--expect", "boot"],
    ],
    ids=" ".join,
)
async def test_output_without_unicode_is_ascii(arguments: list[str], foreign: str) -> None:
    filled = [argument.format(foreign=foreign) for argument in arguments]
    assert_ascii(await run(*filled, "--no-unicode"))


@pytest.mark.parametrize("env", [{"EMULATOR_NO_UNICODE": "1"}, {"PYTHONIOENCODING": "ascii"}], ids=str)
async def test_a_variable_or_an_ascii_locale_also_makes_output_ascii(env: dict[str, str], foreign: str) -> None:
    assert_ascii(await run("show", foreign, **env))


def assert_ascii(ended: Ended) -> None:
    assert ended.status in {0, 1}, ended.err
    assert ended.out
    assert (ended.out + ended.err).isascii()


async def test_columns_stay_aligned_in_ascii(foreign: str) -> None:
    """A replacement may be wider or narrower than the character."""
    drawn = await run("show", foreign, COLUMNS="60")
    plain = await run("show", foreign, "--no-unicode", COLUMNS="60")
    assert [line.rindex(" ms") for line in plain.out.splitlines()[2:]] == [
        cell_len(line[: line.rindex(" ms")]) for line in drawn.out.splitlines()[2:]
    ]
    assert "#####" in plain.out
    assert "caf? #" in plain.out


async def test_a_latin_1_terminal_shows_the_glyphs_that_it_has() -> None:
    ended = await run("boot", "--pace", "0", PYTHONIOENCODING="latin-1")
    assert ended.status == 0
    out = ended.out.encode(errors="surrogateescape").decode("latin-1")
    assert re.search(r"^trace [0-9a-f]{32} · \d+ spans · 7 services$", out, re.MULTILINE)
    assert "###" in out
    assert "?" not in out


async def test_a_printed_tree_keeps_every_character(foreign: str) -> None:
    in_utf8 = await run("show", foreign, "--tree")
    assert "日本語" in in_utf8.out
    assert await run("show", foreign, "--tree", "--no-unicode", PYTHONIOENCODING="ascii") == in_utf8


@pytest.mark.parametrize(
    ("columns", "widest"), [("0", 20), ("1", 20), ("33", 33), ("9" * 30, 300), ("many", 120), ("", 120)]
)
async def test_width_in_a_pipe_is_columns_within_limits(columns: str, widest: int, foreign: str) -> None:
    ended = await run("show", foreign, COLUMNS=columns)
    assert max(cell_len(line) for line in ended.out.splitlines()[2:]) == widest


async def test_repeated_spans_share_a_line_unless_expanded(tmp_path: Path) -> None:
    file = tmp_path / "spans.json"
    file.write_text(json.dumps(otlp_json([a_span(1), *(a_span(number, 1, "poll") for number in range(2, 14))])))
    assert len(re.findall("poll", (await run("show", str(file))).out)) == 1
    assert "poll ×12" in (await run("show", str(file))).out
    assert len(re.findall("poll", (await run("show", str(file), "--expand")).out)) == 12


async def test_a_boot_folds_its_polls_into_one_line_unless_expanded() -> None:
    joined = await run("boot", "--pace", "0.5")
    assert len(re.findall(r"GET /v2\.1/servers/[0-9a-f]{8}… 200 ×\d", joined.out)) == 1
    expanded = await run("boot", "--pace", "0.5", "--expand")
    assert "×" not in expanded.out
    assert len(re.findall(r"GET /v2\.1/servers/[0-9a-f]{8}… 200", expanded.out)) > 2


async def test_progress_is_not_imported_without_a_terminal() -> None:
    ended = await run("boot", "--pace", "0", PYTHONPROFILEIMPORTTIME="1")
    assert ended.status == 0
    assert "rich.console" in ended.err
    assert "rich.progress" not in ended.err
