"""`emulator doctor` on the way to a collector: each mix-up is a row, and each row a real server."""

import re
import ssl
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest

from emulator.traces import OtlpReceiver
from tests.doctor import GRPC, HTTP, Server, doctor, findings
from tests.jaeger import NO_TRACES, answering
from tests.servers import PAGE, certificate, closed, full, grpc_only, http, partly, partly_over_http, saying, silent


def dated(ahead: float) -> bytes:
    return http("405 Method Not Allowed", f"Date: {formatdate(time() - ahead, usegmt=True)}")


def grpc_error(name: str) -> Server:
    def answer(_: bytes, call: Any) -> bytes:
        import grpc

        call.abort(grpc.StatusCode[name], "as told")
        return b""

    return lambda: grpc_only(answer)


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


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_a_proxy_that_catches_localhost_is_told(
    otlp: OtlpReceiver, jaeger: str, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    with saying(http("502 Bad Gateway")) as port:
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{port}")
        told = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
        assert f"through the proxy 127.0.0.1:{port}, as http_proxy says; its 127.0.0.1 is not this" in told.stdout
        assert "set no_proxy=127.0.0.1" in told.stdout
        assert "✗ span sent " in told.stdout
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger).exit_code == 0
    monkeypatch.delenv("no_proxy")
    told = doctor("--otlp", otlp.endpoint, "--jaeger-url", jaeger)
    assert "✗ proxy port " in told.stdout
