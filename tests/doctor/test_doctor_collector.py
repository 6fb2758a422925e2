"""`emulator doctor` on the way to a collector: a row for each problem, each with a real server."""

import importlib
import re
import sys
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any
from urllib.request import proxy_bypass

import pytest

from spantree import OtlpReceiver
from tests.support.doctor import GRPC, HTTP, SILENCE_SECONDS, Server, doctor, findings
from tests.support.jaeger import NO_TRACES, answering
from tests.support.servers import PAGE, closed, full, grpc_only, http, partly, partly_over_http, saying, silent

NO_TIME_TO_RETRY = "0.8"
"""Seconds: less than the exporters wait before they retry."""


def dated(ahead: float) -> bytes:
    return http("405 Method Not Allowed", f"Date: {formatdate(time() - ahead, usegmt=True)}")


def grpc_error(name: str) -> Server:
    def answer(_: bytes, call: Any) -> bytes:
        import grpc

        call.abort(grpc.StatusCode[name], "as told")
        return b""

    return lambda: grpc_only(answer)


PROBLEMS: list[tuple[str, Server, str, str, str, str]] = [
    # server and protocol; the check that fails; parts of its message and of its remedy
    ("closed", closed, HTTP, "collector port", "nothing listens on", "start it, publish its port"),
    ("closed, gRPC", closed, GRPC, "collector port", "nothing listens on", "start it, publish its port"),
    ("filtered", full, HTTP, "collector port", "something drops the packets", "firewall"),
    ("silent", silent, HTTP, "collector protocol", "connections but does not answer", "check what listens"),
    (
        "silent, gRPC",
        silent,
        GRPC,
        "collector protocol",
        "connections but does not answer",
        "check what listens",
    ),
    ("hangs up", lambda: saying(b""), HTTP, "collector protocol", "closes the connection without an answer", "4318"),
    (
        "gRPC's port over HTTP",
        lambda: grpc_only(lambda *_: b""),
        HTTP,
        "collector protocol",
        "speaks gRPC, but was sent HTTP",
        "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
    ),
    (
        "HTTP's port over gRPC",
        lambda: saying(http("405 Method Not Allowed")),
        GRPC,
        "collector protocol",
        "speaks HTTP, but was sent gRPC",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ),
    ("RabbitMQ", lambda: saying(b"AMQP\0\0\x09\1"), HTTP, "collector protocol", "is an AMQP broker", "4318"),
    ("RabbitMQ, gRPC", lambda: saying(b"AMQP\0\0\x09\1"), GRPC, "collector protocol", "is an AMQP broker", "4317"),
    ("SSH", lambda: saying(b"SSH-2.0-x\r\n"), HTTP, "collector protocol", "answers 'SSH-2.0-x??', which", "4318"),
    ("TLS that says so", lambda: saying(b"\x15\3\3\0\2\2\x46"), HTTP, "collector TLS", "speaks TLS", "https://"),
    ("401", lambda: saying(http("401 No")), HTTP, "span sent", "401: it requires credentials", "OTLP_HEADERS"),
    ("403", lambda: saying(http("403 No")), HTTP, "span sent", "403: these credentials lack a permission", "the token"),
    ("404", lambda: saying(http("404 No", body=b"lost")), HTTP, "span sent", "accepts traces (lost)", "4318"),
    ("413", lambda: saying(http("413 No")), HTTP, "span sent", "413: the message is too large", "BATCH_SIZE"),
    ("415", lambda: saying(http("415 No")), HTTP, "span sent", "415: it cannot read", "OTLP protobuf"),
    ("429", lambda: saying(http("429 No")), HTTP, "span sent", "429: it is overloaded", "send less"),
    ("500", lambda: saying(http("500 No", body=b"disk full")), HTTP, "span sent", "500: it failed (disk full)", "log"),
    ("503", lambda: saying(http("503 No")), HTTP, "span sent", "503: nothing behind it", "log of the collector"),
    (
        "a redirect, which exporters take for a success",
        lambda: saying(http("307 Elsewhere", "Location: https://user:pass@there/v1/traces")),
        HTTP,
        "span sent",
        "a redirect to https://there/v1/traces: the span is lost",
        "send to that URL",
    ),
    ("a web page", lambda: saying(PAGE), HTTP, "span sent", "200: it answers with a web page", "4318"),
    (
        "partial success",
        lambda: saying(partly_over_http(1, "no such tenant")),
        HTTP,
        "span sent",
        "it rejected the span (no such tenant)",
        "follow its message",
    ),
    (
        "partial success, gRPC",
        lambda: grpc_only(lambda *_: partly(1, "no such tenant")),
        GRPC,
        "span sent",
        "it rejected the span (no such tenant)",
        "follow its message",
    ),
    ("UNAUTHENTICATED", grpc_error("UNAUTHENTICATED"), GRPC, "span sent", "requires credentials (as told)", "HEADERS"),
    ("PERMISSION_DENIED", grpc_error("PERMISSION_DENIED"), GRPC, "span sent", "lack a permission", "check the token"),
    ("UNAVAILABLE", grpc_error("UNAVAILABLE"), GRPC, "span sent", "UNAVAILABLE: nothing behind it", "log"),
    ("UNIMPLEMENTED", grpc_error("UNIMPLEMENTED"), GRPC, "span sent", "nothing there accepts traces", "4317"),
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
    ("server", "protocol", "check", "says", "remedy"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS]
)
def test_problems_with_the_collector_are_named_with_a_remedy(
    server: Server, protocol: str, check: str, says: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", NO_TIME_TO_RETRY)
    if server in {silent, full}:
        monkeypatch.setattr("emulator.doctor.retry.SHORTEST_ATTEMPT", SILENCE_SECONDS)
    with server() as port, answering({}, otherwise=NO_TRACES) as jaeger:
        result = doctor("--otlp", f"http://127.0.0.1:{port}", "--jaeger-url", jaeger.url, "--json")
    wrong = {finding["check"]: finding for finding in findings(result) if finding["level"] == "failure"}
    assert result.exit_code == 1
    assert says in wrong[check]["message"]
    assert remedy in wrong[check]["remedy"]


@pytest.mark.parametrize(
    ("path", "answer", "otherwise", "says"),
    [
        ("/api/v3/services", (200, '{"services":[]}'), 404, "is Jaeger's UI, not a collector"),
        ("/api/services", (200, '{"data":[]}'), 404, "is Jaeger's UI, not a collector"),
        ("POST /api/v2/spans", (202, ""), 400, "is a Zipkin receiver, not a collector"),
        ("/", (200, "<title>RabbitMQ Management</title>"), 405, "is RabbitMQ's management UI, not a collector"),
    ],
)
def test_other_servers_than_collectors_are_recognized(
    path: str, answer: tuple[int, str], otherwise: int, says: str
) -> None:
    with answering({path: answer}, otherwise=(otherwise, "no")) as other:
        result = doctor("--otlp", other.url, "--jaeger-url", other.url)
    assert says in result.stdout


@pytest.mark.parametrize(
    ("name", "value", "says", "remedy"),
    [
        ("--otlp", "/v1/traces", "/v1/traces is in {0}/v1/traces/v1/traces twice", "remove /v1/traces from --otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces/", "twice", "remove /v1/traces from OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "/v1/traces is missing in {0}", "add /v1/traces to OTEL_EXPORTER"),
    ],
)
def test_a_duplicate_or_missing_path_is_reported(
    otlp: OtlpReceiver, jaeger: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str, remedy: str
) -> None:
    url = otlp.endpoint + value
    if name.startswith("OTEL"):
        monkeypatch.setenv(name, url)
    result = doctor(*([] if name.startswith("OTEL") else [name, url]), "--jaeger-url", jaeger)
    assert says.format(otlp.endpoint) in result.stdout
    assert remedy in result.stdout


def test_a_collector_slower_than_the_flush_timeout_is_reported(
    otlp: OtlpReceiver, jaeger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.runtime.export.FLUSH_SECONDS", 0)
    result = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
    said = r"✗ span sent +the collector takes \d\.\d s to answer; `boot` waits 0 s and loses its last spans"
    assert re.search(said, result.stdout)
    assert result.exit_code == 1


@pytest.mark.parametrize("target", ["dns:///{}", "dns:{}", "ipv4:{}", "unix://{}", "unix:{}"])
def test_targets_with_grpcs_own_schemes_are_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    socket = tmp_path / "s"
    listening = f"unix:{socket}" if "unix" in target else "127.0.0.1:0"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", GRPC)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_INSECURE", "true")
    with grpc_only(lambda *_: b"", listening) as port:
        where = str(socket) if "unix" in target else f"127.0.0.1:{port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", target.format(where))
        result = doctor("--jaeger-url", "http://127.0.0.1:1")
    assert ("· collector port " in result.stdout) is ("unix" in target)
    assert "✗ collector " not in result.stdout
    assert "✓ span sent           the collector accepted it (OK)\n" in result.stdout


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
@pytest.mark.parametrize("url", ["http://us:pa55word@x:99999", "http://us:pa55word@[::1", "http://"])
def test_a_proxy_variable_that_is_not_a_url_is_reported(
    monkeypatch: pytest.MonkeyPatch, protocol: str, url: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv("http_proxy", url)
    result = doctor("--otlp", "http://127.0.0.1:1", "--jaeger-url", "http://127.0.0.1:1", "--json")
    wrong = {finding["check"]: finding["message"] for finding in findings(result) if finding["level"] == "failure"}
    assert wrong == {f"{role} proxy": "http_proxy is not a URL" for role in ("collector", "jaeger")}
    assert "pa55" not in result.output


@pytest.mark.parametrize(
    ("protocol", "exceptions", "asks"),
    [
        (HTTP, {"NO_PROXY": "127.0.0.0/8"}, "the collector"),
        (GRPC, {"no_proxy": "10.0.0.0/8, 127.0.0.0/8"}, "the collector"),
        (GRPC, {"no_grpc_proxy": "127.0.0.1"}, "the collector"),
        (GRPC, {"NO_PROXY": "127.0.0.1"}, "jaeger"),
        (GRPC, {"no_proxy": "*"}, "jaeger"),
        (HTTP, {"no_proxy": "*"}, "both"),
    ],
)
def test_no_proxy_is_read_as_each_client_reads_it(
    otlp: OtlpReceiver,
    jaeger: str,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
    exceptions: dict[str, str],
    asks: str,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    with closed() as port:
        for name, value in {"http_proxy": f"http://127.0.0.1:{port}", **exceptions}.items():
            monkeypatch.setenv(name, value)
        result = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
    direct = {role for role in ("collector", "jaeger") if f"! {role} proxy " not in result.stdout}
    assert direct == {"the collector": {"collector"}, "jaeger": {"jaeger"}, "both": {"collector", "jaeger"}}[asks]
    assert ("✓ span sent " in result.stdout) is ("collector" in direct)


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_a_proxy_for_localhost_is_reported(
    otlp: OtlpReceiver, jaeger: str, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", NO_TIME_TO_RETRY)
    with saying(http("502 Bad Gateway")) as port:
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{port}")
        result = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
        assert f"through the proxy 127.0.0.1:{port}, set by http_proxy; to the proxy, 127.0" in result.stdout
        assert "set no_proxy=127.0.0.1" in result.stdout
        assert "✗ span sent " in result.stdout
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger).exit_code == 0
    monkeypatch.delenv("no_proxy")
    result = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
    assert "✗ proxy port " in result.stdout


def test_no_proxy_is_read_where_urllib_reads_system_settings(
    otlp: OtlpReceiver, jaeger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bypass(host: str) -> bool:  # as on macOS and Windows, where it takes only the host
        return bool(proxy_bypass(host))

    monkeypatch.setattr("urllib.request.proxy_bypass", bypass)
    monkeypatch.delitem(sys.modules, "emulator.doctor.proxy", raising=False)
    monkeypatch.setattr(
        "emulator.doctor.diagnosis.proxy_for", importlib.import_module("emulator.doctor.proxy").proxy_for
    )
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger).exit_code == 0


def test_a_grpc_exporter_that_hides_the_answer_gives_a_warning(
    otlp: OtlpReceiver, jaeger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", GRPC)
    monkeypatch.setattr("emulator.doctor.span_export.GRPC_STUB", "_renamed_in_a_later_version")
    result = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
    assert "! span sent           the exporter reports success, but this version of it hides" in result.stdout
    assert "✓ span unaltered" in result.stdout
