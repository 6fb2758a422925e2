"""`emulator doctor`: whatever keeps spans from Jaeger is found, named and given a remedy; each mix-up is a row here."""

import json
import os
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from time import monotonic, time
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from typer.testing import CliRunner, Result

from emulator.cli import app
from emulator.traces import OtlpReceiver
from tests.jaeger import NO_TRACES, Received, answering, v3_span, v3_text
from tests.processes import free_port, run, started
from tests.servers import certificate, closed, full, grpc_only, http, saying, silent

Server = Callable[[], AbstractContextManager[int]]


def doctor(*arguments: str, timeout: float = 0) -> Result:
    return CliRunner().invoke(app, ["doctor", "--timeout", str(timeout), *arguments])


def findings(result: Result) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(result.stdout)["findings"]
    return found


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.lower().endswith("_proxy") or name.endswith("_CA_BUNDLE"):
            monkeypatch.delenv(name)


@pytest.fixture
def jaeger(otlp: OtlpReceiver) -> Iterator[str]:
    """A Jaeger that has what the receiver gets."""
    with answering(Received(otlp)) as fake:
        yield fake.url


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
    assert "! collector port      localhost is ::1 first, where nothing listens, and then 127.0.0.1\n" in ended.out
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


def dated(ahead: float) -> bytes:
    return http("405 Method Not Allowed", f"Date: {formatdate(time() - ahead, usegmt=True)}")


def grpc_error(name: str) -> Server:
    def answer(_: bytes, call: Any) -> bytes:
        import grpc

        call.abort(grpc.StatusCode[name], "as told")
        return b""

    return lambda: grpc_only(answer)


def partly(rejected: int, message: str) -> bytes:
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    body: bytes = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    return body


def partly_over_http(rejected: int, message: str) -> bytes:
    return http("200 OK", "Content-Type: application/x-protobuf", body=partly(rejected, message))


HTTP, GRPC = "http/protobuf", "grpc"
PAGE = http("200 OK", "Content-Type: text/html; charset=utf-8", body=b"<title>Hello</title>")

MIX_UPS: list[tuple[str, Server, str, str, str, str]] = [
    # the server, and how it is asked; the check that fails, and words of what is said and of the remedy
    ("closed", closed, HTTP, "collector port", "nothing listens on", "start it, publish its port"),
    ("closed, gRPC", closed, GRPC, "collector port", "nothing listens on", "start it, publish its port"),
    ("filtered", full, HTTP, "collector port", "something swallows packets", "firewall"),
    ("silent", silent, HTTP, "collector protocol", "takes connections and keeps silent", "see what listens"),
    ("silent, gRPC", silent, GRPC, "collector protocol", "takes connections and keeps silent", "see what listens"),
    ("hangs up", lambda: saying(b""), HTTP, "collector protocol", "hangs up without a word", "4318"),
    (
        "gRPC's port over HTTP",
        lambda: grpc_only(lambda *_: b""),
        HTTP,
        "collector protocol",
        "speaks gRPC, and is asked over HTTP",
        "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
    ),
    (
        "HTTP's port over gRPC",
        lambda: saying(http("405 Method Not Allowed")),
        GRPC,
        "collector protocol",
        "speaks HTTP, and is asked over gRPC",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ),
    ("RabbitMQ", lambda: saying(b"AMQP\0\0\x09\1"), HTTP, "collector protocol", "is an AMQP broker", "4318"),
    ("RabbitMQ, gRPC", lambda: saying(b"AMQP\0\0\x09\1"), GRPC, "collector protocol", "is an AMQP broker", "4317"),
    ("SSH", lambda: saying(b"SSH-2.0-x\r\n"), HTTP, "collector protocol", "answers 'SSH-2.0-x??', which", "4318"),
    ("TLS that says so", lambda: saying(b"\x15\3\3\0\2\2\x46"), HTTP, "collector TLS", "speaks TLS", "https://"),
    ("401", lambda: saying(http("401 No")), HTTP, "span sent", "401: it wants credentials", "OTLP_HEADERS"),
    ("403", lambda: saying(http("403 No")), HTTP, "span sent", "403: these credentials may not", "what the token"),
    ("404", lambda: saying(http("404 No", body=b"lost")), HTTP, "span sent", "takes traces (lost)", "4318"),
    ("413", lambda: saying(http("413 No")), HTTP, "span sent", "413: the message is too large", "BATCH_SIZE"),
    ("415", lambda: saying(http("415 No")), HTTP, "span sent", "415: it cannot read", "OTLP's protobuf"),
    ("429", lambda: saying(http("429 No")), HTTP, "span sent", "429: it is too busy", "send less"),
    ("500", lambda: saying(http("500 No", body=b"disk full")), HTTP, "span sent", "500: it failed (disk full)", "log"),
    ("503", lambda: saying(http("503 No")), HTTP, "span sent", "503: nothing behind it", "log of the collector"),
    (
        "a redirect, which exporters take for a success",
        lambda: saying(http("307 Elsewhere", "Location: https://user:pass@there/v1/traces")),
        HTTP,
        "span sent",
        "a redirect to https://there/v1/traces: the span is lost",
        "send to where it leads",
    ),
    ("a web page", lambda: saying(PAGE), HTTP, "span sent", "200: it answers with a web page", "4318"),
    (
        "partial success",
        lambda: saying(partly_over_http(1, "no such tenant")),
        HTTP,
        "span sent",
        "it rejected the span (no such tenant)",
        "do as it says",
    ),
    (
        "partial success, gRPC",
        lambda: grpc_only(lambda *_: partly(1, "no such tenant")),
        GRPC,
        "span sent",
        "it rejected the span (no such tenant)",
        "do as it says",
    ),
    ("UNAUTHENTICATED", grpc_error("UNAUTHENTICATED"), GRPC, "span sent", "wants credentials (as told)", "HEADERS"),
    ("PERMISSION_DENIED", grpc_error("PERMISSION_DENIED"), GRPC, "span sent", "may not do this", "what the token"),
    ("UNAVAILABLE", grpc_error("UNAVAILABLE"), GRPC, "span sent", "UNAVAILABLE: nothing behind it", "log"),
    ("UNIMPLEMENTED", grpc_error("UNIMPLEMENTED"), GRPC, "span sent", "nothing that takes traces", "4317"),
    (
        "a clock that is late",
        lambda: saying(dated(ahead=7200)),
        HTTP,
        "collector clock",
        "s ahead of the one there: a UI that shows the last hour does not show traces",
        "NTP",
    ),
    (
        "a clock that is early",
        lambda: saying(dated(ahead=-7200)),
        HTTP,
        "collector clock",
        "s behind the one there: a UI that shows the last hour does not show traces",
        "NTP",
    ),
]


@pytest.mark.parametrize(
    ("server", "protocol", "check", "says", "remedy"), [row[1:] for row in MIX_UPS], ids=[row[0] for row in MIX_UPS]
)
def test_what_is_wrong_with_the_collector_is_named_with_its_remedy(
    server: Server, protocol: str, check: str, says: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    with server() as port, answering({}, otherwise=NO_TRACES) as jaeger:
        told = doctor("--otlp", f"http://127.0.0.1:{port}", "--jaeger-url", jaeger.url, "--json")
    wrong = {finding["check"]: finding for finding in findings(told) if finding["level"] == "failure"}
    assert told.exit_code == 1
    assert says in wrong[check]["said"]
    assert remedy in wrong[check]["remedy"]


@pytest.mark.parametrize(
    ("path", "answer", "otherwise", "says"),
    [
        ("/api/v3/services", (200, '{"services":[]}'), 404, "is Jaeger's UI, no collector"),
        ("/api/services", (200, '{"data":[]}'), 404, "is Jaeger's UI, no collector"),
        ("POST /api/v2/spans", (202, ""), 400, "is for Zipkin's spans, no collector"),
        ("/", (200, "<title>RabbitMQ Management</title>"), 405, "is RabbitMQ's management, no collector"),
    ],
)
def test_a_server_that_is_no_collector_is_known_again(
    path: str, answer: tuple[int, str], otherwise: int, says: str
) -> None:
    with answering({path: answer}, otherwise=(otherwise, "no")) as other:
        told = doctor("--otlp", other.url, "--jaeger-url", other.url)
    assert says in told.stdout


@pytest.mark.parametrize(
    ("name", "value", "says", "remedy"),
    [
        ("--otlp", "/v1/traces", "/v1/traces is in {0}/v1/traces/v1/traces twice", "leave /v1/traces out of --otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces/", "twice", "leave /v1/traces out of OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "/v1/traces is missing in {0}", "add /v1/traces to OTEL_EXPORTER"),
    ],
)
def test_a_path_that_is_doubled_or_missing_is_told(
    otlp: OtlpReceiver, jaeger: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str, remedy: str
) -> None:
    url = otlp.endpoint + value
    if name.startswith("OTEL"):
        monkeypatch.setenv(name, url)
    told = doctor(*([] if name.startswith("OTEL") else [name, url]), "--jaeger-url", jaeger)
    assert says.format(otlp.endpoint) in told.stdout
    assert remedy in told.stdout


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
@pytest.mark.parametrize(
    ("name", "valid_days", "trusted", "says", "remedy"),
    [
        ("127.0.0.1", 1, False, "the certificate is not trusted: self-signed", "OTEL_EXPORTER_OTLP_CERTIFICATE name"),
        ("127.0.0.1", -1, True, "the certificate has expired", "renew it"),
        ("collector", 1, True, "the certificate is for another name than 127.0.0.1", "use the name in"),
        ("127.0.0.1", 1, True, "collector protocol", ""),
    ],
)
def test_certificates_are_looked_at_as_exporters_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    name: str,
    valid_days: int,
    trusted: bool,
    says: str,
    remedy: str,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    tls, file = certificate(tmp_path, name, valid_days)
    if trusted:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(file))
    with saying(partly_over_http(0, ""), tls) as port, answering({}, otherwise=NO_TRACES) as jaeger:
        told = doctor("--otlp", f"https://127.0.0.1:{port}", "--jaeger-url", jaeger.url)
    assert says in told.stdout
    assert remedy in told.stdout
    if protocol == HTTP and not remedy:
        assert "✓ span sent           the collector took it (200)" in told.stdout


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_a_server_that_wants_a_clients_certificate_is_given_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    tls, file = certificate(tmp_path)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(file)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(file))
    with saying(partly_over_http(0, ""), tls) as port, answering({}, otherwise=NO_TRACES) as jaeger:
        arguments = ("--otlp", f"https://127.0.0.1:{port}", "--jaeger-url", jaeger.url)
        told = doctor(*arguments)
        assert "✗ collector TLS       TLS ends" in told.stdout
        assert "→ name one by OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" in told.stdout
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(file))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(file.with_name("key.pem")))
        told = doctor(*arguments)
        assert "✗ collector TLS" not in told.stdout
        if protocol == HTTP:
            assert "✓ span sent           the collector took it (200)" in told.stdout


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_tls_and_none_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    tls, _ = certificate(tmp_path)
    with saying(http("200 OK"), tls) as port, answering({}, otherwise=NO_TRACES) as jaeger:
        told = doctor("--otlp", f"http://127.0.0.1:{port}", "--jaeger-url", jaeger.url)
        assert f"✗ collector TLS       127.0.0.1:{port} speaks TLS, and is asked without" in told.stdout
        assert "make the URL https://" in told.stdout
        plain = jaeger.url.replace("http://", "https://")
        told = doctor("--otlp", plain, "--jaeger-url", plain)
        for role in ("collector", "jaeger"):
            assert re.search(f"✗ {role} TLS .*does not speak TLS", told.stdout)
        assert "make the URL http://" in told.stdout


SETTINGS: list[tuple[dict[str, str], str, str, str]] = [
    ({"OTEL_SDK_DISABLED": "true"}, "failure", "OTEL_SDK_DISABLED is true: no span", "unset OTEL_SDK_DISABLED"),
    ({"OTEL_SDK_DISABLED": "yes"}, "warning", "'yes', which counts as false", "true or false"),
    ({"OTEL_TRACES_EXPORTER": "none"}, "failure", "'none': nothing is sent", "unset OTEL_TRACES_EXPORTER"),
    ({"OTEL_TRACES_EXPORTER": "console"}, "failure", "'console': nothing is sent", "set it to otlp"),
    ({"OTEL_TRACES_SAMPLER": "always_off"}, "failure", "every trace is dropped", "unset OTEL_TRACES_SAMPLER"),
    ({"OTEL_TRACES_SAMPLER": "sometimes"}, "warning", "which there is none of", "choose one of"),
    (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
        "failure",
        "keeps 0 % of all traces",
        "OTEL_TRACES_SAMPLER_ARG=1",
    ),
    (
        {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.05"},
        "warning",
        "keeps 5% of all traces",
        "OTEL_TRACES_SAMPLER_ARG=1",
    ),
    (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "5%"},
        "warning",
        "'5%', no number from 0 to 1",
        "OTEL_TRACES_SAMPLER_ARG=1",
    ),
    ({"OTEL_TRACES_SAMPLER_ARG": "0.1"}, "warning", "no sampler takes it", "OTEL_TRACES_SAMPLER"),
    ({"OTEL_PROPAGATORS": "baggage"}, "failure", "without tracecontext: traces fall apart", "tracecontext,baggage"),
    ({"OTEL_PROPAGATORS": "none"}, "failure", "traces fall apart", "tracecontext,baggage"),
    ({"OTEL_PROPAGATORS": "tracecontext"}, "warning", "leaves out baggage", "tracecontext,baggage"),
    ({"OTEL_PROPAGATORS": "w3c"}, "failure", "names w3c, which is not installed", "unset OTEL_PROPAGATORS"),
    ({"OTEL_BSP_SCHEDULE_DELAY": "120000"}, "warning", "120000 ms", "unset OTEL_BSP_SCHEDULE_DELAY"),
    ({"OTEL_BSP_SCHEDULE_DELAY": "0"}, "failure", "must be above 0", "unset OTEL_BSP_SCHEDULE_DELAY"),
    ({"OTEL_BSP_MAX_QUEUE_SIZE": "many"}, "warning", "'many', no whole number", "unset OTEL_BSP_MAX_QUEUE_SIZE"),
    ({"OTEL_BSP_MAX_QUEUE_SIZE": "1000"}, "warning", "a burst of more spans loses", "unset OTEL_BSP_MAX_QUEUE_SIZE"),
    ({"OTEL_BSP_MAX_QUEUE_SIZE": "100"}, "failure", "more than OTEL_BSP_MAX_QUEUE_SIZE, 100", "unset OTEL_BSP"),
    ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "failure", "'http/json': nothing starts", "http/protobuf"),
    (
        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        "warning",
        "comes before OTEL_EXPORTER_OTLP_PROTOCOL, grpc",
        "unset one of them",
    ),
    (
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://elsewhere:4318/v1/traces"},
        "failure",
        "there is no host elsewhere",
        "from outside use localhost",
    ),
    (
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a.invalid:4318/v1/traces"},
        "warning",
        "OTEL_EXPORTER_OTLP_ENDPOINT is {0}, and does not count: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT comes before it",
        "unset OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "failure", "no URL as http://", "write it with http://"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1"}, "failure", "no URL as http://", "write it with http://"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:99999"}, "failure", "no URL as http://", "write it with http://"),
    ({"OTEL_EXPORTER_OTLP_INSECURE": "false"}, "warning", "false, and does not count", "unset"),
    ({"OTEL_EXPORTER_OTLP_INSECURE": "no"}, "warning", "'no', which counts as false", "true or false"),
    (
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_INSECURE": "false"},
        "warning",
        "the endpoint is http, but there will be TLS",
        "unset it",
    ),
    ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere.pem"}, "failure", "there is no such file", "correct the path"),
    ({"OTEL_EXPORTER_OTLP_HEADERS": "Authorization: Bearer s3cret"}, "warning", "an entry without =", "name=value"),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10000"}, "warning", "here that are seconds", "set it to 10"),
    ({"OTEL_EXPORTER_OTLP_TIMEOUT": "-1"}, "failure", "no answer comes in that time", "unset"),
    ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, "warning", "'zstd': nothing is compressed", "gzip"),
    ({"OTEL_EXPORTER_OTLP_TRACE_ENDPOINT": "x"}, "warning", "is no variable of the SDK", "OTEL_EXPORTER_OTLP_TRACES_E"),
]


@pytest.mark.parametrize(("env", "level", "says", "remedy"), SETTINGS, ids=[" ".join(row[0]) for row in SETTINGS])
def test_variables_that_keep_spans_away_are_named(
    otlp: OtlpReceiver,
    jaeger: str,
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
    level: str,
    says: str,
    remedy: str,
) -> None:
    for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.endpoint, **env}.items():
        monkeypatch.setenv(name, value)
    told = doctor("--json", "--jaeger-url", jaeger)
    matching = [finding for finding in findings(told) if says.format(otlp.endpoint) in finding["said"]]
    assert [finding["level"] for finding in matching] == [level], told.output
    assert remedy in matching[0]["remedy"]
    assert told.exit_code == int(any(finding["level"] == "failure" for finding in findings(told)))


async def test_what_keeps_the_sdk_from_starting_is_a_finding(otlp: OtlpReceiver, jaeger: str) -> None:
    for variable in ("OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_PROPAGATORS"):
        ended = await run("doctor", "--jaeger-url", jaeger, EMULATOR_OTLP=otlp.endpoint, **{variable: "all"})
        assert (ended.status, ended.err) == (1, "")
        assert "✗ span sent           no command starts: " in ended.out


def test_without_an_endpoint_it_says_that_others_send_nothing() -> None:
    with closed() as port:
        told = doctor("--jaeger-url", f"http://127.0.0.1:{port}")
    assert "! endpoint            nobody says where spans go, so that other commands send none; " in told.stdout
    assert "→ give them --otlp http://localhost:4318, or set EMULATOR_OTLP\n" in told.stdout


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_a_proxy_that_catches_localhost_is_told(
    otlp: OtlpReceiver, jaeger: str, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    with saying(http("502 Bad Gateway")) as port:
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{port}")
        told = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
        assert f"through the proxy 127.0.0.1:{port}, as http_proxy says; its 127.0.0.1 is not this" in told.stdout
        assert "set NO_PROXY=127.0.0.1" in told.stdout
        assert "✗ span sent " in told.stdout
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger).exit_code == 0
    monkeypatch.delenv("no_proxy")
    told = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
    assert "✗ proxy port " in told.stdout


def test_no_secret_is_told_whoever_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t0ken,x-key=k3yk3y")
    repeated = http("500 No", body=b"you sent Bearer t0ken and k3yk3y, pa55word")
    with saying(repeated) as port, closed() as nothing:
        url = f"http://user:pa55word@127.0.0.1:{port}"
        for style in ([], ["--json"]):
            told = doctor("--otlp", url, "--jaeger-url", f"http://user:pa55word@127.0.0.1:{nothing}", *style)
            assert "you sent … and …, …" in told.output.replace("\\u2026", "…")
            assert not re.search("user|pa55word|t0ken|k3yk3y", told.output)
    assert "authorization, x-key will be sent" in told.stdout


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
    assert "this Jaeger does not have it after 0.5 s; of the last hour it has traces of shop\n" in told.stdout
    assert "samples tails" in told.stdout
    assert told.exit_code == 1


JAEGERS: list[tuple[str, Server, str, str]] = [
    ("closed", closed, "nothing listens on", "publish its port (docker run -p"),
    ("silent", silent, "takes connections and keeps silent", "still be starting"),
    ("gRPC", lambda: grpc_only(lambda *_: b""), "speaks gRPC, and is asked over HTTP", "port of its UI, 16686"),
    ("broker", lambda: saying(b"AMQP\0\0\x09\1"), "is an AMQP broker", "16686"),
    ("another server", lambda: saying(http("404 No")), "neither Jaeger's API v3 nor its legacy one", "--jaeger-url"),
    ("a proxy's page", lambda: saying(PAGE), "neither Jaeger's API v3 nor its legacy one", "--jaeger-url"),
    ("401", lambda: saying(http("401 No")), "no Jaeger answers", "put user and password into --jaeger-url"),
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
        (["--jaeger-url", "jaeger"], "--jaeger-url"),
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
