"""`emulator doctor`: waiting, and finding the span in Jaeger."""

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
from tests.support.doctor import SILENCE_SECONDS, Server, doctor, findings
from tests.support.jaeger import NO_TRACES, answering, v3_span, v3_text
from tests.support.jaeger_storage import received
from tests.support.processes import free_port, run, started
from tests.support.servers import PAGE, closed, grpc_only, http, saying, silent


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_span_that_arrives_gives_only_ok_results(
    otlp: OtlpReceiver, jaeger: str, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    result = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
    assert result.exit_code == 0, result.output
    assert set(re.findall("^.", result.stdout, re.MULTILINE)) == {"✓"}
    assert result.stderr == ""
    [trace] = otlp.traces
    assert (trace.spans[0].service, trace.spans[0].name) == ("emulator-doctor", "emulator doctor")
    assert {"service.namespace", "service.instance.id", "deployment.environment.name"} <= set(trace.spans[0].resource)
    assert f"✓ span found          trace {trace.trace_id}\n" in result.stdout


async def test_results_are_printed_in_ascii_and_as_json(otlp: OtlpReceiver, jaeger: str) -> None:
    ended = await run("doctor", EMULATOR_OTLP=otlp.endpoint, EMULATOR_JAEGER_URL=jaeger, EMULATOR_NO_UNICODE="1")
    assert (ended.status, ended.err) == (0, "")
    assert f"+ endpoint            {otlp.endpoint}/v1/traces, HTTP, set by EMULATOR_OTLP\n" in ended.out
    ended = await run("doctor", "--json", "--jaeger-url", jaeger, **otlp.environment)
    result = json.loads(ended.out)
    assert result["ok"] is True
    assert {finding["level"] for finding in result["findings"]} == {"ok"}
    assert result["findings"][0] == {
        "check": "endpoint",
        "level": "ok",
        "message": f"{otlp.endpoint}/v1/traces, HTTP, set by OTEL_EXPORTER_OTLP_ENDPOINT",
        "remedy": "",
    }


async def test_it_waits_for_a_collector_that_is_starting() -> None:
    port = free_port()
    receiver = OtlpReceiver(port)
    with answering(received(receiver)) as jaeger:
        url = f"http://127.0.0.1:{port}"
        async with started("doctor", "--otlp", url, "--jaeger-url", jaeger.url, "--timeout", "60") as waiting:
            await waiting.says(f"waiting: nothing listens on 127.0.0.1:{port}")
            async with receiver:
                await waiting.until("✓ span unaltered")
    assert not re.search("^[^✓]", waiting.out, re.MULTILINE)


@pytest.fixture
def hosts(tmp_path: Path) -> tuple[Path, list[str]]:
    """An /etc/hosts for a single command, and the wrapper that applies it."""
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    wrapped = ["unshare", "--mount", "sh", "-c", f'mount --bind {file} /etc/hosts && exec "$@"', "sh"]
    if subprocess.run([*wrapped, "true"], capture_output=True, check=False).returncode:  # noqa: S603 - our own
        pytest.skip("unshare and mount may not be used here, so that no name can be made")
    return file, wrapped


async def test_it_waits_for_a_host_name_that_does_not_resolve_yet(
    otlp: OtlpReceiver, jaeger: str, hosts: tuple[Path, list[str]]
) -> None:
    file, wrapped = hosts
    urls = [url.replace("127.0.0.1", "jaeger") for url in (otlp.endpoint, jaeger)]
    async with started("doctor", "--otlp", urls[0], "--jaeger-url", urls[1], "--timeout", "60", wrapped=wrapped) as it:
        await it.says("waiting: there is no host jaeger")
        with file.open("a") as known:
            known.write("127.0.0.1 jaeger\n")
        await it.until("✓ span unaltered")


async def test_a_localhost_that_is_ipv6_first_is_a_warning(
    otlp: OtlpReceiver, jaeger: str, hosts: tuple[Path, list[str]]
) -> None:
    file, wrapped = hosts
    file.write_text("::1 localhost\n127.0.0.1 localhost\n")
    url = otlp.endpoint.replace("127.0.0.1", "localhost")
    ended = await run("doctor", "--otlp", url, "--jaeger-url", jaeger, wrapped=wrapped)
    assert (
        "! collector port      localhost resolves to ::1 first, where nothing answers, then to 127.0.0.1\n" in ended.out
    )
    assert "→ use 127.0.0.1 instead" in ended.out
    assert ended.status == 0


def test_servers_that_do_not_start_fail_at_the_timeout() -> None:
    with closed() as port, closed() as other:
        began = monotonic()
        result = doctor("--otlp", f"http://127.0.0.1:{port}", "--jaeger-url", f"http://127.0.0.1:{other}", timeout=1.5)
        assert 1.5 < monotonic() - began < 10
        assert f"✗ collector port      nothing listens on 127.0.0.1:{port}" in result.stdout
        assert f"✗ jaeger port         nothing listens on 127.0.0.1:{other}" in result.stdout
        assert result.stderr == f"waiting: nothing listens on 127.0.0.1:{port} (127.0.0.1)\n"


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
        ({"name": "redacted"}, "name was emulator doctor and is redacted"),
        ({"parent_id": "00f067aa0ba902b7"}, "it has a parent, 00f067aa0ba902b7, and was sent without one"),
        ({"start": 1_700_000_000_000_000_000}, "s earlier"),
        ({"attributes": {}}, "attributes are missing or changed: openstack.doctor.text, openstack.doctor.number"),
    ],
)
def test_changes_to_the_span_are_reported(otlp: OtlpReceiver, altered: dict[str, Any], says: str) -> None:
    with answering(received(otlp, lambda span: replace(span, **altered))) as jaeger:
        result = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger.url)
    assert says in result.stdout
    assert "→ look for processors in the collector" in result.stdout
    assert result.exit_code == 0


def test_a_trace_without_the_sent_span_is_reported(otlp: OtlpReceiver) -> None:
    with answering(received(otlp, lambda span: replace(span, span_id="00f067aa0ba902b7"))) as jaeger:
        result = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger.url)
    assert re.search("✗ span found .* has 1 other span.*, but not the one that was sent", result.stdout)
    assert result.exit_code == 1


def test_a_missing_span_is_reported_with_the_services_jaeger_has(otlp: OtlpReceiver) -> None:
    there = {
        "/api/v3/services": (200, '{"services":["shop"]}'),
        "/api/v3/traces": v3_text(v3_span()),
    }
    with answering(there, otherwise=NO_TRACES) as another:
        result = doctor("--otlp", otlp.endpoint, "--jaeger-url", another.url, timeout=0.5)
    assert re.search(
        "this Jaeger does not have it after 0.[0-9] s; it has traces of the last hour from shop", result.stdout
    )
    assert "→ see the collector's log for spans that it cannot export; " in result.stdout
    assert "whether it samples (head or tail sampling) or filters spans" in result.stdout
    assert result.exit_code == 1


JAEGERS: list[tuple[str, Server, str, str]] = [
    ("closed", closed, "nothing listens on", "publish its port (docker run -p"),
    ("silent", silent, "accepts connections but does not answer", "still be starting"),
    ("gRPC", lambda: grpc_only(lambda *_: b""), "speaks gRPC, but was sent HTTP", "port of its UI, usually 16686"),
    ("broker", lambda: saying(b"AMQP\0\0\x09\1"), "is an AMQP broker", "16686"),
    ("another server", lambda: saying(http("404 No")), "neither Jaeger's API v3 nor its legacy one", "--jaeger-url"),
    ("a proxy's page", lambda: saying(PAGE), "neither Jaeger's API v3 nor its legacy one", "--jaeger-url"),
    (
        "401",
        lambda: saying(http("401 No")),
        "no Jaeger answers",
        "put user:password@ before the host in --jaeger-url",
    ),
    ("503", lambda: saying(http("503 No")), "HTTP 503", "--jaeger-url"),
]


@pytest.mark.parametrize(("server", "says", "remedy"), [row[1:] for row in JAEGERS], ids=[row[0] for row in JAEGERS])
def test_problems_with_jaeger_are_named_with_a_remedy(
    otlp: OtlpReceiver, monkeypatch: pytest.MonkeyPatch, server: Server, says: str, remedy: str
) -> None:
    if server == silent:
        monkeypatch.setattr("emulator.doctor.retry.SHORTEST_ATTEMPT", SILENCE_SECONDS)
    with server() as port:
        result = doctor("--otlp", otlp.endpoint, "--jaeger-url", f"http://127.0.0.1:{port}", "--json")
    [wrong] = [finding for finding in findings(result) if finding["level"] == "failure"]
    assert wrong["check"].startswith("jaeger ")
    assert says in wrong["message"]
    assert remedy in wrong["remedy"]
    assert result.exit_code == 1


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
