"""The environment variables that make the OpenTelemetry SDK of any language send its spans to a receiver."""

import os
from collections.abc import Mapping

__all__ = ["exporter_environment"]


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
