"""Where spans are sent, by options and standard variables."""

import logging

import pytest

from emulator.instrumentation.export import ExportLog, otlp_endpoint, otlp_exporter

BASE = "http://collector:4318"


@pytest.mark.parametrize(
    ("url", "variables", "endpoint"),
    [
        (None, {}, None),
        (BASE, {}, f"{BASE}/v1/traces"),
        (f"{BASE}/", {}, f"{BASE}/v1/traces"),
        (None, {"ENDPOINT": BASE}, f"{BASE}/v1/traces"),
        (None, {"ENDPOINT": f"{BASE}/otlp/"}, f"{BASE}/otlp/v1/traces"),
        (None, {"ENDPOINT": "http://other", "TRACES_ENDPOINT": f"{BASE}/in"}, f"{BASE}/in"),
        (BASE, {"TRACES_ENDPOINT": "http://other/in"}, f"{BASE}/v1/traces"),
        ("http://collector:4317", {"PROTOCOL": "grpc"}, "collector:4317"),
        (None, {"ENDPOINT": "collector:4317", "PROTOCOL": "grpc"}, "collector:4317"),
        (None, {"TRACES_ENDPOINT": "https://collector:4317", "TRACES_PROTOCOL": "grpc"}, "collector:4317"),
    ],
)
def test_the_endpoint_is_the_one_that_the_exporter_uses(
    monkeypatch: pytest.MonkeyPatch, url: str | None, variables: dict[str, str], endpoint: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    assert otlp_endpoint(url) == endpoint
    exporter = otlp_exporter(url)
    assert (exporter is None) is (endpoint is None)
    if exporter is not None:
        # The SDK shows its own only here: if it stops to, or decides otherwise, this test says so, and not a user.
        assert vars(exporter)["_endpoint"] == endpoint
        exporter.shutdown()


def test_another_protocol_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    with pytest.raises(ValueError, match="http/json': choose http/protobuf or grpc"):
        otlp_exporter(BASE)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first one first", "last one first"])
def test_the_exporters_logger_is_muted_until_the_last_log_is_closed(
    monkeypatch: pytest.MonkeyPatch, order: tuple[int, int]
) -> None:
    logger = logging.getLogger("an exporter of this test")  # a cloud that other tests share may mute the real one
    monkeypatch.setattr(ExportLog, "LOGGER", logger)
    logs = ExportLog(), ExportLog()
    logs[order[0]].close()
    assert not logger.propagate
    logs[order[1]].close()
    assert logger.propagate
