"""`emulator doctor` and TLS: it trusts and presents the same certificates as the exporters."""

import re
import ssl
from pathlib import Path

import pytest

from tests.support.doctor import GRPC, HTTP, doctor
from tests.support.jaeger import NO_TRACES, answering
from tests.support.servers import certificate, http, partly_over_http, saying


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
@pytest.mark.parametrize(
    ("name", "valid_days", "trusted", "says", "remedy"),
    [
        ("127.0.0.1", 1, False, "the certificate is not trusted: self-signed", "set OTEL_EXPORTER_OTLP_CERTIFICATE to"),
        ("127.0.0.1", -1, True, "the certificate has expired", "renew it"),
        ("collector", 1, True, "the certificate is for another name than 127.0.0.1", "use the name in"),
        ("127.0.0.1", 1, True, "collector protocol", ""),
    ],
)
def test_certificates_are_checked_as_the_exporter_does(
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
        result = doctor("--otlp", f"https://127.0.0.1:{port}", "--jaeger-url", jaeger.url)
    assert says in result.stdout
    assert remedy in result.stdout
    if protocol == HTTP and not remedy:
        assert "✓ span sent           the collector accepted it (200)" in result.stdout


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_a_certificate_without_subject_alternative_name_fails_over_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    tls, file = certificate(tmp_path, "localhost", subject_alone=True)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(file))
    with saying(b"", tls) as port:
        result = doctor("--otlp", f"https://localhost:{port}", "--jaeger-url", "http://127.0.0.1:1")
    wrong = "✗ collector TLS       the certificate is for another name than localhost\n"
    assert (wrong in result.stdout) is (protocol == HTTP)
    assert ("✓ collector TLS " in result.stdout) is (protocol == GRPC)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_over_http_the_ca_bundle_of_requests_takes_precedence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    tls, file = certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(file))
    with saying(partly_over_http(0, ""), tls) as port:
        for bundle in (certificate(other)[1], other):  # a folder may be named, too
            monkeypatch.setenv(name, str(bundle))
            result = doctor("--otlp", f"https://127.0.0.1:{port}", "--jaeger-url", "http://127.0.0.1:1")
            assert "✗ collector TLS       the certificate is not trusted" in result.stdout
            assert f"→ set {name} to the file with its authority's certificate" in result.stdout


def test_a_key_of_another_certificate_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, file = certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    key = certificate(other)[1].with_name("key.pem")
    for what, path in {"CERTIFICATE": file, "CLIENT_CERTIFICATE": file, "CLIENT_KEY": key}.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{what}", str(path))
    with saying(b"", tls) as port:
        result = doctor("--otlp", f"https://127.0.0.1:{port}", "--jaeger-url", "http://127.0.0.1:1")
    assert "the client's certificate cannot be used: KEY_VALUES_MISMATCH" in result.stdout
    assert (
        "→ set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY to the PEM files"
        in result.stdout
    )


@pytest.mark.parametrize(
    ("alert", "says", "remedy"),
    [
        (b"\x15\3\1\0\2\2\x46", "supports no TLS version that is accepted here", "enable TLS 1.2 or 1.3"),
        (b"\x15\3\3\0\2\2\x28", "TLS fails: ", "look at the server's log"),
        (b"", "closes the connection at the TLS handshake", "make the URL http:// if"),
        (http("400 Bad Request"), "does not speak TLS", "make the URL http://"),
    ],
)
def test_failing_tls_and_no_tls_are_distinguished(alert: bytes, says: str, remedy: str) -> None:
    with saying(alert) as port:
        result = doctor("--otlp", f"https://127.0.0.1:{port}", "--jaeger-url", "http://127.0.0.1:1")
    assert re.search(f"✗ collector TLS .*{says}.*\n *→ {remedy}", result.stdout)


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_a_required_client_certificate_is_presented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    tls, file = certificate(tmp_path)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(file)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(file))
    with saying(partly_over_http(0, ""), tls) as port, answering({}, otherwise=NO_TRACES) as jaeger:
        arguments = ("--otlp", f"https://127.0.0.1:{port}", "--jaeger-url", jaeger.url)
        result = doctor(*arguments)
        assert "✗ collector TLS       the server ends TLS" in result.stdout
        assert "→ set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" in result.stdout
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(file))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(file.with_name("key.pem")))
        result = doctor(*arguments)
        assert "✗ collector TLS" not in result.stdout
        if protocol == HTTP:
            assert "✓ span sent           the collector accepted it (200)" in result.stdout


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_tls_on_a_plain_url_and_the_reverse_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    tls, _ = certificate(tmp_path)
    with saying(http("200 OK"), tls) as port, answering({}, otherwise=NO_TRACES) as jaeger:
        result = doctor("--otlp", f"http://127.0.0.1:{port}", "--jaeger-url", jaeger.url)
        assert f"✗ collector TLS       127.0.0.1:{port} speaks TLS, but the URL is http://" in result.stdout
        assert "make the URL https://" in result.stdout
        plain = jaeger.url.replace("http://", "https://")
        result = doctor("--otlp", plain, "--jaeger-url", plain)
        for role in ("collector", "jaeger"):
            assert re.search(f"✗ {role} TLS .*does not speak TLS", result.stdout)
        assert "make the URL http://" in result.stdout
