"""The environment variables that make the OpenTelemetry SDK of any language send its spans to a receiver."""

import os
from collections.abc import Iterable, Mapping

__all__ = ["exporter_environment", "exporting"]

VARIABLES: Mapping[str, Mapping[str, str]] = {
    "metrics": {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "100"},
    "logs": {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_BLRP_SCHEDULE_DELAY": "100"},
}
"""Both intervals are in milliseconds; by default an SDK exports metrics once a minute."""


def exporter_environment(endpoint: str) -> Mapping[str, str]:
    """Return the variables for a subprocess. They override what it would inherit from this process.

    That may be endpoints for traces only, and proxies.
    """
    own = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{endpoint}/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1"))),
        "no_proxy": ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1"))),
    }
    return {
        **{name: value for name, value in own.items() if name in os.environ or name.upper() == "NO_PROXY"},
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_TRACES_SAMPLER": "parentbased_always_on",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_SDK_DISABLED": "false",
    }


def exporting(signals: Iterable[str], endpoint: str) -> Mapping[str, str]:
    """Return the variables for these signals. They override inherited ones. Raises ValueError for another signal."""
    variables: dict[str, str] = {}
    for signal in signals:
        if signal not in VARIABLES:
            raise ValueError(f"{signal!r} is no signal that can be added; there are {' and '.join(VARIABLES)}")
        prefix = f"OTEL_EXPORTER_OTLP_{signal.upper()}"
        variables |= VARIABLES[signal]
        variables |= {f"{prefix}_ENDPOINT": f"{endpoint}/v1/{signal}", f"{prefix}_PROTOCOL": "http/protobuf"}
    return variables
