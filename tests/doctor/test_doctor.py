"""`emulator doctor`, from the first look to the span in Jaeger: what it waits for, finds there, and does not."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from typer.testing import CliRunner

from emulator.cli.app import app
from spantree import OtlpReceiver
from tests.support.doctor import Server, doctor, findings
from tests.support.jaeger import NO_TRACES, Received, answering, v3_span, v3_text
from tests.support.processes import free_port, run, started
from tests.support.servers import PAGE, closed, grpc_only, http, saying, silent


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_span_that_comes_through_leaves_nothing_to_say(
    otlp: OtlpReceiver, jaeger: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    told = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
    assert told.exit_code == 0, told.output
    assert set(re.findall("^.", told.stdout, re.MULTILINE)) == {"✓"}
    assert told.stderr == ""
    [trace] = otlp.traces
    assert (trace.spans[0].service, trace.spans[0].name) == ("emulator-doctor", "emulator doctor")
    assert {"service.namespace", "service.instance.id", "deployment.environment.name"} <= set(trace.spans[0].resource)
    assert f"✓ span found          trace {trace.trace_id}\n" in told.stdout


async def test_it_is_a_command_with_findings_as_data_and_in_ascii(otlp: OtlpReceiver, jaeger: str) -> None:
    ended = await run("doctor", EMULATOR_OTLP=otlp.endpoint, EMULATOR_JAEGER_URL=jaeger, EMULATOR_NO_UNICODE="1")
    assert (ended.status, ended.err) == (0, "")
    assert f"+ endpoint            {otlp.endpoint}/v1/traces, HTTP, as EMULATOR_OTLP says\n" in ended.out
    ended = await run("doctor", "--json", "--jaeger-url", jaeger, **otlp.environment)
    told = json.loads(ended.out)
    assert told["ok"] is True
    assert {finding["level"] for finding in told["findings"]} == {"ok"}
    assert told["findings"][0] == {
        "check": "endpoint",
        "level": "ok",
        "said": f"{otlp.endpoint}/v1/traces, HTTP, as OTEL_EXPORTER_OTLP_ENDPOINT says",
        "remedy": "",
    }


async def test_it_waits_for_what_is_still_coming_up() -> None:
    port = free_port()
    receiver = OtlpReceiver(port)
    with answering(Received(receiver)) as jaeger:
        url = f"http://127.0.0.1:{port}"
        async with started("doctor", "--otlp", url, "--jaeger-url", jaeger.url, "--timeout", "60") as waiting:
            await waiting.says(f"waiting: nothing listens on 127.0.0.1:{port}")
            async with receiver:
                await waiting.until("✓ span unaltered")
    assert not re.search("^[^✓]", waiting.out, re.MULTILINE)


@pytest.fixture
def hosts(tmp_path: Path) -> tuple[Path, list[str]]:
    """An /etc/hosts for a command alone, and what to wrap that in."""
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    wrapped = ["unshare", "--mount", "sh", "-c", f'mount --bind {file} /etc/hosts && exec "$@"', "sh"]
    if subprocess.run([*wrapped, "true"], capture_output=True, check=False).returncode:  # noqa: S603 - our own
        pytest.skip("unshare and mount may not be used here, so that no name can be made")
    return file, wrapped


async def test_it_waits_for_a_name_that_is_not_yet_there(
    otlp: OtlpReceiver, jaeger: str, hosts: tuple[Path, list[str]]
) -> None:
    file, wrapped = hosts
    urls = [url.replace("127.0.0.1", "jaeger") for url in (otlp.endpoint, jaeger)]
    async with started("doctor", "--otlp", urls[0], "--jaeger-url", urls[1], "--timeout", "60", wrapped=wrapped) as it:
        await it.says("waiting: there is no host jaeger")
        with file.open("a") as known:
            known.write("127.0.0.1 jaeger\n")
        await it.until("✓ span unaltered")


async def test_a_localhost_that_is_ipv6_first_is_told(
    otlp: OtlpReceiver, jaeger: str, hosts: tuple[Path, list[str]]
) -> None:
    file, wrapped = hosts
    file.write_text("::1 localhost\n127.0.0.1 localhost\n")
    url = otlp.endpoint.replace("127.0.0.1", "localhost")
    ended = await run("doctor", "--otlp", url, "--jaeger-url", jaeger, wrapped=wrapped)
    assert "! collector port      localhost is ::1 first, where nothing answers, and then 127.0.0.1\n" in ended.out
    assert "→ write 127.0.0.1 instead" in ended.out
    assert ended.status == 0


def test_what_does_not_come_up_is_told_when_the_time_is_over() -> None:
    with closed() as port, closed() as other:
        began = monotonic()
        told = doctor("--otlp", f"http://127.0.0.1:{port}", "--jaeger-url", f"http://127.0.0.1:{other}", timeout=1.5)
        assert 1.5 < monotonic() - began < 10
        assert f"✗ collector port      nothing listens on 127.0.0.1:{port}" in told.stdout
        assert f"✗ jaeger port         nothing listens on 127.0.0.1:{other}" in told.stdout
        assert told.stderr == f"waiting: nothing listens on 127.0.0.1:{port} (127.0.0.1)\n"


async def test_sigterm_ends_it_while_it_waits() -> None:
    with closed() as port:
        async with started("doctor", "--otlp", f"http://127.0.0.1:{port}", "--timeout", "60") as waiting:
            await waiting.says("waiting: nothing listens")
            ended = await waiting.stop()
    assert (ended.status, ended.err) == (130, "")


@pytest.mark.parametrize(
    ("altered", "says"),
    [
        ({"resource": {"service.name": "gateway"}}, "service.name was emulator-doctor and is gateway"),
        ({"name": "redacted"}, "its name was emulator doctor and is redacted"),
        ({"parent_id": "00f067aa0ba902b7"}, "it has a parent, 00f067aa0ba902b7, and was sent without one"),
        ({"start": 1_700_000_000_000_000_000}, "s earlier"),
        ({"attributes": {}}, "attributes are lost or other: openstack.doctor.text, openstack.doctor.number"),
    ],
)
def test_a_span_that_was_altered_on_its_way_is_told(otlp: OtlpReceiver, altered: dict[str, Any], says: str) -> None:
    with answering(Received(otlp, lambda span: replace(span, **altered))) as jaeger:
        told = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger.url)
    assert says in told.stdout
    assert "→ look for processors in the collector" in told.stdout
    assert told.exit_code == 0


def test_a_trace_without_the_span_that_was_sent_is_told(otlp: OtlpReceiver) -> None:
    with answering(Received(otlp, lambda span: replace(span, span_id="00f067aa0ba902b7"))) as jaeger:
        told = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger.url)
    assert re.search("✗ span found .* came without the span that was sent, but with 1 other", told.stdout)
    assert told.exit_code == 1


def test_a_span_that_was_taken_and_is_not_found_is_told_with_what_is_there(otlp: OtlpReceiver) -> None:
    there = {
        "/api/v3/services": (200, '{"services":["shop"]}'),
        "/api/v3/traces": v3_text(v3_span()),
    }
    with answering(there, otherwise=NO_TRACES) as another:
        told = doctor("--otlp", otlp.endpoint, "--jaeger-url", another.url, timeout=0.5)
    assert re.search("this Jaeger does not have it after 0.[0-9] s; of the last hour it has .* shop", told.stdout)
    assert "samples tails" in told.stdout
    assert told.exit_code == 1


JAEGERS: list[tuple[str, Server, str, str]] = [
    ("closed", closed, "nothing listens on", "publish its port (docker run -p"),
    ("silent", silent, "takes connections and keeps silent", "still be starting"),
    ("gRPC", lambda: grpc_only(lambda *_: b""), "speaks gRPC, and is asked over HTTP", "port of its UI, 16686"),
    ("broker", lambda: saying(b"AMQP\0\0\x09\1"), "is an AMQP broker", "16686"),
    ("another server", lambda: saying(http("404 No")), "neither Jaeger's API v3 nor its legacy one", "--jaeger-url"),
    ("a proxy's page", lambda: saying(PAGE), "neither Jaeger's API v3 nor its legacy one", "--jaeger-url"),
    (
        "401",
        lambda: saying(http("401 No")),
        "no Jaeger answers",
        "put user and password into --jaeger-url, with a : between them and an @ before the host",
    ),
    ("503", lambda: saying(http("503 No")), "HTTP 503", "--jaeger-url"),
]


@pytest.mark.parametrize(("server", "says", "remedy"), [row[1:] for row in JAEGERS], ids=[row[0] for row in JAEGERS])
def test_what_is_wrong_with_jaeger_is_named_with_its_remedy(
    otlp: OtlpReceiver, server: Server, says: str, remedy: str
) -> None:
    with server() as port:
        told = doctor("--otlp", otlp.endpoint, "--jaeger-url", f"http://127.0.0.1:{port}", "--json")
    [wrong] = [finding for finding in findings(told) if finding["level"] == "failure"]
    assert wrong["check"].startswith("jaeger ")
    assert says in wrong["said"]
    assert remedy in wrong["remedy"]
    assert told.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--otlp", "localhost:4318"], "--otlp"),
        (["--otlp", "http://localhost:4318\n"], "--otlp"),
        (["--otlp", "user:pa55word@localhost"], "--otlp"),
        (["--jaeger-url", "jaeger"], "--jaeger-url"),
        (["--jaeger-url", "http://jaeger 1"], "--jaeger-url"),
        (["--timeout", "-1"], "--timeout"),
        (["--timeout", "nan"], "--timeout"),
        (["--timeout", "soon"], "--timeout"),
        (["--verbose"], "--verbose"),
    ],
)
def test_bad_options_end_with_2(arguments: list[str], names: str) -> None:
    refused = CliRunner().invoke(app, ["doctor", *arguments])
    assert refused.exit_code == 2
    assert names in refused.stderr
    assert "pa55word" not in refused.stderr
