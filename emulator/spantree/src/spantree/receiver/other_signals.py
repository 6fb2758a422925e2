"""The environment variables that make an SDK export metrics and logs, too."""

from collections.abc import Iterable, Mapping

__all__ = ["exporting"]

VARIABLES: Mapping[str, Mapping[str, str]] = {
    "metrics": {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "100"},
    "logs": {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_BLRP_SCHEDULE_DELAY": "100"},
}
"""Both intervals are in milliseconds; by default an SDK exports metrics once a minute."""


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
