"""The example pipelines for GitHub and GitLab are valid, and their commands work."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from spantree import OtlpReceiver
from tests.conftest import needs_rabbitmq, tidied_rabbitmq
from tests.support.jaeger import answering
from tests.support.jaeger_storage import received
from tests.support.manifests import tool, yaml
from tests.support.processes import run

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yaml").read_text()
[GITLAB] = re.findall(r"```yaml\n(.*?)```", (ROOT / "deploy" / "README.md").read_text(), re.DOTALL)

Job = dict[str, Any]


def job(text: str) -> Job:
    """The only job of a pipeline."""
    pipeline = yaml.safe_load(text)
    [found] = pipeline.get("jobs", pipeline).values()
    assert isinstance(found, dict)
    return found


def lines(text: str) -> list[str]:
    """The shell commands of a pipeline."""
    one = job(text)
    return one.get("script") or [line for step in one["steps"] for line in step.get("run", "").splitlines()]


@pytest.mark.parametrize(
    ("schema", "name", "text"),
    [("github-workflows", "ci.yaml", WORKFLOW), ("gitlab-ci", ".gitlab-ci.yml", GITLAB)],
    ids=["github", "gitlab"],
)
def test_a_pipeline_is_valid(schema: str, name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    command = (tool("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", str(tmp_path / name))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_pipelines_run_the_tests_and_assert_on_a_trace() -> None:
    for text in (WORKFLOW, GITLAB):
        tests = "uv run pytest --junit-xml report.xml"
        commands = lines(text)
        assert "pip install uv" in commands
        assert "EMULATOR_TEST_AMQP_URL" in text
        assert commands.index(tests) < len(commands) - 3
        assert re.fullmatch(r"uv run emulator check http://(localhost|jaeger):16686 --expect boot", commands[-1])
    hosts = re.compile(r"(?<=/)jaeger\b")
    assert lines(WORKFLOW)[-4:] == [hosts.sub("localhost", line) for line in lines(GITLAB)[-4:]]


def test_both_pipelines_use_the_images_of_the_compose_file() -> None:
    composed = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    images = {composed[name]["image"] for name in ("jaeger", "rabbitmq")}
    assert {one["image"] for one in job(WORKFLOW)["services"].values()} == images
    assert {one["name"] for one in job(GITLAB)["services"]} == images


@pytest.mark.parametrize("text", [WORKFLOW, GITLAB], ids=["github", "gitlab"])
@pytest.mark.parametrize("bus", [pytest.param("rabbitmq", marks=needs_rabbitmq)])
async def test_the_last_commands_of_both_pipelines_boot_and_assert(
    text: str, bus: str, otlp: OtlpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs them as written, except for the addresses of RabbitMQ and of our fake of Jaeger."""
    monkeypatch.chdir(tmp_path)
    assert bus in text
    commands = [line.removeprefix("uv run emulator ") for line in lines(text) if line.startswith("uv run emulator ")]
    assert [command.split()[0] for command in commands] == ["doctor", "boot", "check"]
    with answering(received(otlp)) as jaeger:
        async with tidied_rabbitmq() as url:
            for command in commands:
                words = shlex.split(re.sub(r"http://(localhost|jaeger):16686", jaeger.url, command))
                ended = await run(*words, EMULATOR_AMQP_URL=url, EMULATOR_OTLP=otlp.endpoint, EMULATOR_PACE="0")
                assert ended.status == 0, ended.out + ended.err
    assert sorted(os.listdir(tmp_path)) == ["boot.html", "boot.json"]  # noqa: PTH208 - a Path's own way would block
